//! WebSocket echo by tokio-tungstenite: `bench-tungstenite --url ws://… --size 256 --in-flight 64`. `--in-flight` messages
//! are sent at the start, then one for each that comes back; they are flushed when no more have come, as the crate's own
//! documentation advises.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

type Failure = Box<dyn std::error::Error>;

struct Arguments {
    job: String,
    url: String,
    size: usize,
    in_flight: usize,
    seconds: f64,
    warmup: f64,
}

impl Arguments {
    fn parse() -> Result<Arguments, Failure> {
        let mut arguments = Arguments {
            job: String::new(),
            url: String::new(),
            size: 256,
            in_flight: 1,
            seconds: 2.0,
            warmup: 0.5,
        };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} has no value"))?;
            match name.as_str() {
                "--job" => arguments.job = value,
                "--url" => arguments.url = value,
                "--size" => arguments.size = value.parse()?,
                "--in-flight" => arguments.in_flight = value.parse()?,
                "--seconds" => arguments.seconds = value.parse()?,
                "--warmup" => arguments.warmup = value.parse()?,
                _ => return Err(format!("{name}: unknown").into()),
            }
        }
        Ok(arguments)
    }
}

#[derive(Default)]
struct Counts {
    messages: u64,
    bytes: u64,
    errors: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse()?;
    let (mut socket, _) = connect_async(&arguments.url).await?;
    let payload = Bytes::from(vec![0; arguments.size]);
    for _ in 0..arguments.in_flight {
        socket.feed(Message::Binary(payload.clone())).await?;
    }
    socket.flush().await?;

    let mut counts = Counts::default();
    let warm = Instant::now() + Duration::from_secs_f64(arguments.warmup);
    let mut measured = None;
    loop {
        let mut next = socket.next().await;
        loop {
            match next {
                Some(message) => count(&mut counts, &message?, arguments.size),
                None => return Err("the server has closed".into()),
            }
            socket.feed(Message::Binary(payload.clone())).await?;
            match socket.next().now_or_never() {
                Some(more) => next = more,
                None => break,
            }
        }
        socket.flush().await?;
        // Looked at once a batch, as the other programs do.
        let now = Instant::now();
        match measured {
            None if now >= warm => {
                measured = Some((now, cpu_seconds()?));
                counts = Counts::default();
            }
            Some((begun, cpu)) if (now - begun).as_secs_f64() >= arguments.seconds => {
                let cpu = cpu_seconds()? - cpu;
                println!("{}", report(&arguments, &counts, now - begun, cpu)?);
                return Ok(());
            }
            _ => {}
        }
    }
}

fn count(counts: &mut Counts, message: &Message, size: usize) {
    counts.messages += 1;
    counts.bytes += message.len() as u64;
    counts.errors += u64::from(message.len() != size);
}

fn report(
    arguments: &Arguments,
    counts: &Counts,
    passed: Duration,
    cpu: f64,
) -> Result<String, Failure> {
    let seconds = passed.as_secs_f64();
    let mut line = String::new();
    write!(
        line,
        "{{\"client\": \"tokio-tungstenite\", \"job\": \"{}\", \"loop\": \"tokio\", \"in_flight\": {}, \
         \"seconds\": {seconds:.6}, \"requests\": {}, \"rate\": {:.3}, \"errors\": {}, \"peak_rss_kib\": {}, \
         \"bytes\": {}, \"cpu_seconds\": {cpu:.6}}}",
        arguments.job,
        arguments.in_flight,
        counts.messages,
        counts.messages as f64 / seconds,
        counts.errors,
        peak_rss_kib()?,
        counts.bytes,
    )?;
    Ok(line)
}

fn peak_rss_kib() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM")?.parse()?)
}

/// Of the process, from its accounting in clock ticks: a hundredth of a second each on Linux.
fn cpu_seconds() -> Result<f64, Failure> {
    let accounting = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = accounting.rsplit_once(')').ok_or("no name")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64, Failure> {
        Ok(fields.get(index).ok_or("too few fields")?.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}
