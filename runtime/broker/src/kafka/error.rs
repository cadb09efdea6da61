//! Errors of librdkafka as errors of a broker.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::BrokerError;

impl From<KafkaError> for BrokerError {
    fn from(error: KafkaError) -> Self {
        match &error {
            KafkaError::ClientConfig(_, reason, key, _) => Self::Setting {
                key: key.clone(),
                reason: reason.clone(),
            },
            KafkaError::ClientCreation(reason) => Self::Setting {
                key: "client".to_owned(),
                reason: reason.clone(),
            },
            KafkaError::Nul(_) => Self::Name("a name contains a zero character".to_owned()),
            _ => match error.rdkafka_error_code() {
                Some(code) => of_code(code, "", error.to_string()),
                None => Self::Client(error.to_string()),
            },
        }
    }
}

/// The error of a code about a topic.
pub fn of_code(code: Code, topic: &str, text: String) -> BrokerError {
    match code {
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownTopicId => {
            BrokerError::UnknownTopic(topic.to_owned())
        }
        Code::UnknownPartition => BrokerError::Record {
            topic: topic.to_owned(),
            reason: "the topic has no such partition".to_owned(),
        },
        Code::MessageSizeTooLarge => BrokerError::Record {
            topic: topic.to_owned(),
            reason: "it is larger than the client or the broker allows".to_owned(),
        },
        Code::InvalidRecord | Code::InvalidMessage | Code::InvalidTimestamp => {
            BrokerError::Record {
                topic: topic.to_owned(),
                reason: format!(
                    "the broker refuses it ({text}); in a compacted topic each record needs a key"
                ),
            }
        }
        Code::InvalidTopic => BrokerError::Name(format!("the topic name {topic:?} is not allowed")),
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::Authentication
        | Code::UnsupportedSASLMechanism => BrokerError::Denied(format!(
            "{text}; check the security settings and the permissions"
        )),
        Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::RebalanceInProgress
        | Code::FencedInstanceId
        | Code::FencedMemberEpoch
        | Code::StaleMemberEpoch
        | Code::AssignmentLost => BrokerError::StaleMember {
            group: String::new(),
            reason: text,
        },
        Code::InvalidReplicationFactor
        | Code::InvalidPartitions
        | Code::InvalidConfig
        | Code::InvalidReplicaAssignment
        | Code::PolicyViolation => BrokerError::TopicConfig {
            topic: topic.to_owned(),
            reason: text,
        },
        Code::NonEmptyGroup => BrokerError::GroupNotEmpty(String::new()),
        Code::Fatal | Code::Fenced | Code::InvalidProducerEpoch | Code::ProducerFenced => {
            BrokerError::Client(text)
        }
        _ => BrokerError::Away(text),
    }
}
