//! Fetches a URL many times with so many in flight and says how long it took.
//!
//! `fetch URL COUNT IN_FLIGHT [inline|threads] [http1|http2|auto]`

use std::time::Instant;

use trunkline::{
    Delivery, Drive, HttpVersions, Manager, ManagerOptions, Part, Request, TlsOptions, Verify,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize, default: &str| {
        arguments
            .get(index)
            .map_or(default.to_owned(), Clone::clone)
    };
    let url = argument(1, "http://127.0.0.1/");
    let count: usize = argument(2, "1").parse()?;
    let in_flight: usize = argument(3, "1").parse()?;
    let drive = if argument(4, "inline") == "inline" {
        Drive::Inline
    } else {
        Drive::Threads(1)
    };
    let http = match argument(5, "auto").as_str() {
        "http1" => HttpVersions::Http1,
        "http2" => HttpVersions::Http2,
        _ => HttpVersions::Auto,
    };
    let tls = TlsOptions {
        verify: Verify::Nobody,
        ..Default::default()
    };
    let manager = Manager::new(ManagerOptions {
        drive,
        http,
        tls,
        ..Default::default()
    })?;
    let request = Request::get(&url)?;
    let begun = Instant::now();
    let (mut submitted, mut ended, mut failed, mut bytes) = (0, 0, 0, 0);
    let mut batch = Vec::new();
    while ended < count {
        while submitted < count && submitted - ended < in_flight {
            drop(manager.submit(
                request.clone(),
                Delivery::Queue {
                    token: submitted as u64,
                },
            )?);
            submitted += 1;
        }
        manager.poll(&mut batch, 256, None)?;
        for event in batch.drain(..) {
            match event.part() {
                Part::Data(data) => bytes += data.len(),
                Part::Done(summary) => {
                    ended += 1;
                    if ended == count {
                        println!("{summary:?}");
                    }
                }
                Part::Error(error) => {
                    ended += 1;
                    failed += 1;
                    if failed < 4 {
                        println!("{error:?}");
                    }
                }
                _ => {}
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{count} requests, {failed} failed, {bytes} bytes, {seconds:.3} s, {:.0}/s",
        count as f64 / seconds
    );
    println!("{:?}", manager.statistics());
    Ok(())
}
