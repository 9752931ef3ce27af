//! The h2 crate on tokio: `bench-h2 --url http://… --size 131 --in-flight 64`. Each stream is asked anew when it has its
//! answer.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Uri};
use tokio::net::TcpStream;

type Failure = Box<dyn std::error::Error>;

struct Arguments {
    job: String,
    url: Uri,
    size: u64,
    in_flight: usize,
    seconds: f64,
    warmup: f64,
}

impl Arguments {
    fn parse() -> Result<Arguments, Failure> {
        let mut arguments = Arguments {
            job: String::new(),
            url: Uri::default(),
            size: 131,
            in_flight: 1,
            seconds: 2.0,
            warmup: 0.5,
        };
        let mut given = std::env::args().skip(1);
        while let Some(name) = given.next() {
            let value = given.next().ok_or_else(|| format!("{name} has no value"))?;
            match name.as_str() {
                "--job" => arguments.job = value,
                "--url" => arguments.url = value.parse()?,
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
    requests: u64,
    bytes: u64,
    errors: u64,
}

/// One stream after the other.
async fn ask(
    sender: SendRequest<Bytes>,
    url: Uri,
    size: u64,
    counts: Rc<RefCell<Counts>>,
) -> Result<(), h2::Error> {
    loop {
        let mut request = Request::new(());
        *request.uri_mut() = url.clone();
        let (response, _) = sender.clone().ready().await?.send_request(request, true)?;
        let response = response.await?;
        let status = response.status();
        let mut body = response.into_body();
        let mut came = 0;
        while let Some(data) = body.data().await {
            let data = data?;
            came += data.len() as u64;
            body.flow_control().release_capacity(data.len())?;
        }
        let mut counts = counts.borrow_mut();
        counts.requests += 1;
        counts.bytes += came;
        counts.errors += u64::from(status != 200 || came != size);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse()?;
    let authority = arguments.url.authority().ok_or("no authority")?;
    let stream = TcpStream::connect(authority.as_str()).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = h2::client::handshake(stream).await?;
    let counts = Rc::new(RefCell::new(Counts::default()));
    let local = tokio::task::LocalSet::new();
    local.spawn_local(connection);
    for _ in 0..arguments.in_flight {
        let counts = Rc::clone(&counts);
        local.spawn_local(ask(
            sender.clone(),
            arguments.url.clone(),
            arguments.size,
            counts,
        ));
    }
    let report = local
        .run_until(async {
            tokio::time::sleep(Duration::from_secs_f64(arguments.warmup)).await;
            counts.take();
            let (begun, cpu) = (Instant::now(), cpu_seconds()?);
            tokio::time::sleep(Duration::from_secs_f64(arguments.seconds)).await;
            let passed = begun.elapsed();
            report(&arguments, &counts.take(), passed, cpu_seconds()? - cpu)
        })
        .await?;
    println!("{report}");
    Ok(())
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
        "{{\"client\": \"h2\", \"job\": \"{}\", \"loop\": \"tokio\", \"in_flight\": {}, \"seconds\": {seconds:.6}, \
         \"requests\": {}, \"rate\": {:.3}, \"errors\": {}, \"peak_rss_kib\": {}, \"bytes\": {}, \
         \"cpu_seconds\": {cpu:.6}}}",
        arguments.job,
        arguments.in_flight,
        counts.requests,
        counts.requests as f64 / seconds,
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
