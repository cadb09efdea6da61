//! TLS, which the host speaks for the guest.

use super::*;

#[test]
fn tls_is_the_hosts_and_its_certificates_count() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("c.pem");
    let made = tidegate_test_certificates::of_loopback();
    std::fs::write(&certificate, made.certificate_pem()).unwrap();
    let identity_of =
        native_tls::Identity::from_pkcs8(&made.certificate_pem(), &made.key_pem()).unwrap();
    let acceptor = native_tls::TlsAcceptor::new(identity_of).unwrap();
    let address = server(move |stream| {
        let Ok(mut stream) = acceptor.accept(stream) else {
            return;
        };
        let mut line = Vec::new();
        let mut byte = [0];
        while stream.read(&mut byte).is_ok_and(|count| count == 1) {
            line.push(byte[0]);
            if line.ends_with(b"\r\n\r\n") {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                return;
            }
            if line == b"hi\n" {
                let _ = stream.write_all(b"ho\n");
                return;
            }
        }
    });
    let port = address.rsplit_once(':').unwrap().1;
    let named = format!("localhost:{port}");
    let grants = Grants {
        addresses: vec![address.clone(), named.clone()],
        ..Grants::default()
    };
    let tls = |to: &str| {
        vec![
            ("action", "tls".to_owned()),
            ("to", to.to_owned()),
            ("say", "hi".to_owned()),
        ]
    };
    let https = |to: &str| {
        vec![
            ("action", "http".to_owned()),
            ("to", to.to_owned()),
            ("scheme", "https".to_owned()),
        ]
    };
    let say = |plugin: &Plugin, settings: Vec<(&str, String)>| {
        let settings: Vec<_> = settings
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        done(plugin, &grants, &settings)
    };
    let trusting = plugin_of(|settings| settings.truststore = Some(certificate.clone()));
    assert_eq!(say(&trusting, tls(&address)), "done: ho");
    assert_eq!(say(&trusting, https(&address)), "done: 200 ok");
    // Another name than the certificate's; a certificate that nobody vouches for; no TLS at all.
    let strict = plugin_without(&[]);
    for answer in [
        say(&trusting, tls(&named)),
        say(&trusting, https(&named)),
        say(&strict, tls(&address)),
        say(&strict, https(&address)),
    ] {
        assert!(answer.starts_with("refused"), "{answer}");
    }
}
