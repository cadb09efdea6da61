//! A cluster that refuses a client: told apart from one that is away, and said with the keys to look at.
//!
//! librdkafka goes on trying in both cases, as a broker may change its mind. Here a refusal ends what waits for an
//! answer at once, as a Java client does.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::BrokerError;

/// The keys to look at when user or password are refused.
const SASL_KEYS: &str = "sasl.mechanism and sasl.jaas.config";
/// The keys to look at when the two sides do not trust each other.
const SSL_KEYS: &str = "security.protocol, ssl.truststore.location (who signed the broker's certificate), \
                        ssl.keystore.location (the client's own) and ssl.endpoint.identification.algorithm";

/// The refusal that an error event of a client stands for; none for any other trouble with a connection.
pub fn refusal(error: &KafkaError, reason: &str) -> Option<BrokerError> {
    let keys = match error.rdkafka_error_code()? {
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            SASL_KEYS
        }
        Code::SSL => SSL_KEYS,
        // With TLS 1.3 a broker says only after the handshake that it does not take the client's certificate.
        Code::BrokerTransportFailure
            if reason.contains("SSL routines") && reason.contains("alert") =>
        {
            SSL_KEYS
        }
        _ => return None,
    };
    Some(BrokerError::Denied(format!(
        "{}; look at {keys}, also with the prefixes producer., consumer. and admin.",
        reason.escape_debug()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_keys_and_other_trouble_is_none() {
        let said = |code, reason: &str| {
            refusal(&KafkaError::Global(code), reason).map(|refusal| refusal.to_string())
        };
        let wrong_password = said(Code::Authentication, "Invalid username or password").unwrap();
        assert!(wrong_password.contains("Invalid username or password"));
        assert!(wrong_password.contains("sasl.jaas.config"));
        let stranger = said(Code::SSL, "certificate verify failed").unwrap();
        assert!(stranger.contains("ssl.truststore.location"));
        let late =
            "SSL transport error: error:0A00045C:SSL routines::tlsv13 alert certificate required";
        assert!(said(Code::BrokerTransportFailure, late).is_some());
        assert_eq!(
            said(Code::BrokerTransportFailure, "Connection refused"),
            None
        );
        assert_eq!(said(Code::AllBrokersDown, "1/1 brokers are down"), None);
    }
}
