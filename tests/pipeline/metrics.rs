//! What tests read of the page of metrics.

use std::time::Duration;

/// A page may be as old; who asks less often gets a new one.
pub const PAGE_AGE: Duration = Duration::from_millis(1_100);

/// The sum of a connector's values of a metric.
pub fn series(page: &str, metric: &str, connector: &str) -> f64 {
    let series = format!("{metric}{{connector=\"{connector}\",");
    let values = page.lines().filter(|line| line.starts_with(&series));
    let numbers = values.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    numbers.sum()
}
