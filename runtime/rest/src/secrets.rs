//! Tokens and passwords: kept as digests, compared in constant time.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::MessageDigest;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::sha::{Sha256, sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

/// How a PBKDF2 digest begins.
const PBKDF2: &str = "pbkdf2-sha256";
/// The iterations of a digest that is made here, as OWASP recommends.
const ITERATIONS: usize = 600_000;
/// The fewest and the most iterations of a digest.
const ITERATIONS_MIN: usize = 1_000;
/// See [`ITERATIONS_MIN`].
const ITERATIONS_MAX: usize = 10_000_000;
/// The most bytes of a token or a password.
pub const SECRET_BYTES_MAX: usize = 4_096;
/// How many passwords are computed at a time, each on a thread of its own.
pub const VERIFICATIONS_MAX: usize = 2;
/// How long a caller waits for its password's turn; then 503.
pub const VERIFICATION_WAIT_MAX: Duration = Duration::from_secs(5);

/// A digest of 256 bits.
type Digest = [u8; 32];

/// A token that is known.
pub(crate) struct Token(Digest);

/// A password that is known.
pub(crate) struct Password {
    kept: Kept,
    /// What was right last, under a key of this process: a caller that comes again costs one SHA-256.
    last: Mutex<Option<Digest>>,
}

enum Kept {
    /// Of a file: under a key of this process.
    Keyed(Digest),
    /// As the configuration has it.
    Pbkdf2(Arc<Pbkdf2>),
}

struct Pbkdf2 {
    iterations: usize,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

/// Computes passwords, few at a time.
pub(crate) struct Verifier {
    key: Digest,
    turns: Arc<Semaphore>,
    wait: Duration,
}

/// Why a password was not looked at.
#[derive(Debug)]
pub(crate) struct Busy;

impl Token {
    /// Of its SHA-256 in hexadecimal digits.
    pub(crate) fn of_digest(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix("sha256:").unwrap_or(text);
        let bytes: Option<Vec<u8>> = (text.len() == 64 && text.is_ascii())
            .then(|| {
                let pairs = text.as_bytes().chunks(2);
                pairs
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                    .collect()
            })
            .flatten();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| {
                "the SHA-256 of the token is wanted, 64 hexadecimal digits; `tidegate access token` makes one"
                    .to_owned()
            })
    }

    pub(crate) fn of_file(path: &Path) -> Result<Self, String> {
        Ok(Self(sha256(read(path)?.as_bytes())))
    }

    /// Whether it is this one.
    pub(crate) fn is(&self, digest: &Digest) -> bool {
        self.0.ct_eq(digest).into()
    }

    pub(crate) fn digest(token: &str) -> Digest {
        sha256(token.as_bytes())
    }
}

impl Password {
    /// Of `pbkdf2-sha256$ITERATIONS$SALT$DIGEST`, the last two in base64.
    pub(crate) fn of_digest(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{PBKDF2}$ITERATIONS$SALT$DIGEST is wanted, with {ITERATIONS_MIN} to {ITERATIONS_MAX} iterations and \
                 the rest in base64; `tidegate access password` makes one"
            )
        };
        let parts: Vec<_> = text.split('$').collect();
        let [PBKDF2, iterations, salt, digest] = parts.as_slice() else {
            return Err(wrong());
        };
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| wrong());
        let kept = Pbkdf2 {
            iterations: iterations.parse().map_err(|_| wrong())?,
            salt: bytes(salt)?,
            digest: bytes(digest)?,
        };
        let fits = (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&kept.iterations)
            && (8..=256).contains(&kept.salt.len())
            && (16..=64).contains(&kept.digest.len());
        fits.then(|| Self::kept(Kept::Pbkdf2(Arc::new(kept))))
            .ok_or_else(wrong)
    }

    pub(crate) fn of_file(path: &Path, verifier: &Verifier) -> Result<Self, String> {
        Ok(Self::of_text(&read(path)?, verifier))
    }

    pub(crate) fn of_text(text: &str, verifier: &Verifier) -> Self {
        Self::kept(Kept::Keyed(verifier.keyed(text)))
    }

    /// One that nobody has: who calls by a name that is not known waits as long as others.
    pub(crate) fn nobodys(like: Option<&Self>, verifier: &Verifier) -> Self {
        match like.map(|like| &like.kept) {
            Some(Kept::Pbkdf2(like)) => Self::kept(Kept::Pbkdf2(Arc::new(Pbkdf2 {
                iterations: like.iterations,
                salt: like.salt.clone(),
                digest: vec![0; like.digest.len()],
            }))),
            _ => Self::of_text("", verifier),
        }
    }

    /// How much computing it takes.
    pub(crate) fn iterations(&self) -> usize {
        match &self.kept {
            Kept::Keyed(_) => 0,
            Kept::Pbkdf2(kept) => kept.iterations,
        }
    }

    fn kept(kept: Kept) -> Self {
        Self {
            kept,
            last: Mutex::new(None),
        }
    }

    /// Whether a text is it. Right for nobody: an empty text.
    pub(crate) async fn is(&self, text: &str, verifier: &Verifier) -> Result<bool, Busy> {
        let keyed = verifier.keyed(text);
        let may_be = !text.is_empty() & (text.len() <= SECRET_BYTES_MAX);
        let kept = match &self.kept {
            Kept::Keyed(kept) => return Ok(bool::from(kept.ct_eq(&keyed)) & may_be),
            Kept::Pbkdf2(kept) => Arc::clone(kept),
        };
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.ct_eq(&keyed).into()) {
            return Ok(true);
        }
        let text = if may_be {
            text.to_owned()
        } else {
            String::new()
        };
        let right = verifier.compute(move || kept.is(&text)).await? & may_be;
        if right {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(keyed);
        }
        Ok(right)
    }
}

impl Pbkdf2 {
    fn is(&self, text: &str) -> bool {
        let mut digest = vec![0; self.digest.len()];
        let made = pbkdf2_hmac(
            text.as_bytes(),
            &self.salt,
            self.iterations,
            MessageDigest::sha256(),
            &mut digest,
        );
        made.is_ok() && bool::from(digest.ct_eq(&self.digest))
    }
}

impl Verifier {
    pub(crate) fn new() -> Result<Self, String> {
        let mut key = [0; 32];
        openssl::rand::rand_bytes(&mut key).map_err(|error| error.to_string())?;
        Ok(Self {
            key,
            turns: Arc::new(Semaphore::new(VERIFICATIONS_MAX)),
            wait: VERIFICATION_WAIT_MAX,
        })
    }

    fn keyed(&self, text: &str) -> Digest {
        let mut hash = Sha256::new();
        hash.update(&self.key);
        hash.update(text.as_bytes());
        hash.finish()
    }

    async fn compute(&self, is: impl FnOnce() -> bool + Send + 'static) -> Result<bool, Busy> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(self.wait, turn).await;
        let turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            is()
        });
        done.await.map_err(|_| Busy)
    }
}

/// A secret in a file: its text without the line end.
fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    match secret.len() {
        0 => Err(format!("{} is empty", path.display())),
        1..=SECRET_BYTES_MAX => Ok(secret.to_owned()),
        _ => Err(format!(
            "{} has more than {SECRET_BYTES_MAX} bytes",
            path.display()
        )),
    }
}

/// A password's digest, for the file of `rest.access.file`.
///
/// # Errors
/// When the system has no random numbers.
pub fn password_digest(password: &str) -> Result<String, String> {
    let (mut salt, mut digest) = ([0; 16], [0; 32]);
    let made = openssl::rand::rand_bytes(&mut salt).and_then(|()| {
        let hash = MessageDigest::sha256();
        pbkdf2_hmac(password.as_bytes(), &salt, ITERATIONS, hash, &mut digest)
    });
    made.map_err(|error| error.to_string())?;
    let (salt, digest) = (STANDARD.encode(salt), STANDARD.encode(digest));
    Ok(format!("{PBKDF2}${ITERATIONS}${salt}${digest}"))
}

/// A new token, and its digest for the file of `rest.access.file`.
///
/// # Errors
/// When the system has no random numbers.
pub fn new_token() -> Result<(String, String), String> {
    let mut bytes = [0; 32];
    openssl::rand::rand_bytes(&mut bytes).map_err(|error| error.to_string())?;
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let token = hex(&bytes);
    let digest = hex(&sha256(token.as_bytes()));
    Ok((token, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_digest() {
        let (token, digest) = new_token().unwrap();
        let known = Token::of_digest(&digest).unwrap();
        assert!(known.is(&Token::digest(&token)));
        assert!(!known.is(&Token::digest(&digest)), "the digest is no token");
        for bad in ["", "ab", &"g".repeat(64), &"é".repeat(32)] {
            assert!(Token::of_digest(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_digest_and_quicker_the_second_time() {
        let verifier = Verifier::new().unwrap();
        let digest = password_digest("grün").unwrap();
        let known = Password::of_digest(&digest).unwrap();
        assert!(!known.is("", &verifier).await.unwrap());
        assert!(!known.is("gruen", &verifier).await.unwrap());
        assert!(known.last.lock().unwrap().is_none());
        assert!(known.is("grün", &verifier).await.unwrap());
        let none_left = Arc::clone(&verifier.turns)
            .acquire_many_owned(VERIFICATIONS_MAX as u32)
            .await
            .unwrap();
        assert!(known.is("grün", &verifier).await.unwrap(), "needs no turn");
        drop(none_left);
        assert!(!known.is("grün ", &verifier).await.unwrap());
        let nobody = Password::nobodys(Some(&known), &verifier);
        assert_eq!(nobody.iterations(), known.iterations());
        assert!(!nobody.is("grün", &verifier).await.unwrap());
        assert!(
            !Password::nobodys(None, &verifier)
                .is("", &verifier)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn who_finds_no_turn_is_told_so() {
        let verifier = Verifier {
            wait: Duration::from_millis(10),
            ..Verifier::new().unwrap()
        };
        let known = Password::of_digest("pbkdf2-sha256$1000$c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAA==");
        let known = known.unwrap();
        let _held = Arc::clone(&verifier.turns)
            .acquire_many_owned(VERIFICATIONS_MAX as u32)
            .await
            .unwrap();
        assert!(known.is("x", &verifier).await.is_err());
    }

    #[test]
    fn what_is_no_digest_is_refused_without_being_shown() {
        for bad in [
            "canary",
            "pbkdf2-sha256$1$c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAA==",
            "pbkdf2-sha256$1000$canary$canary",
            "pbkdf2-sha256$99999999999999999999$c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAA==",
            "pbkdf2-sha256$1000$c2FsdHNhbHQ=$AAAA",
        ] {
            let error = Password::of_digest(bad).err().unwrap();
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
