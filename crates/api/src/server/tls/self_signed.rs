//! A certificate that nobody vouches for: made once, recognised by its fingerprint.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};

use super::TlsError;

/// Whoever has checked the fingerprint once should not have to again.
const YEARS: i32 = 10;
/// Clocks of clients may be behind.
const DAYS_BEFORE: i32 = 2;

/// Key and certificate for `names`, in PEM form.
pub(super) fn make(names: &[String], now: Timestamp) -> Result<String, TlsError> {
    let failed = |error: rcgen::Error| TlsError::Make(error.to_string());
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(names).map_err(failed)?;
    let midnight = |date: Date| {
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    let today = now.to_zoned(TimeZone::UTC).date();
    let (from, until) = (today.saturating_sub(DAYS_BEFORE.days()), today.saturating_add(YEARS.years()));
    params.not_before = midnight(from);
    params.not_after = midnight(until);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Bastide, self-signed");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

/// Writes a file of mode 0600 that is there whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), TlsError> {
    let temporary = path.with_extension("new");
    let written = || -> io::Result<()> {
        // What a start that was cut short has left.
        fs::remove_file(&temporary).or_else(|e| match e.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(e),
        })?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    written().map_err(|cause| TlsError::Write { path: path.to_owned(), cause })
}
