//! temporary
use std::time::{Duration, Instant};
use trunkline::*;
fn main() {
    let mut a = std::env::args().skip(1);
    let url = a.next().unwrap();
    let size: usize = a.next().unwrap().parse().unwrap();
    let depth: usize = a.next().unwrap().parse().unwrap();
    let how = a.next().unwrap();
    let payload = bytes::Bytes::from(vec![b'x'; size]);
    let run = Duration::from_secs(3);
    if how == "tung" {
        let stream =
            std::net::TcpStream::connect(url.trim_start_matches("ws://").trim_end_matches('/'))
                .unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut ws, _) = tungstenite::client(url, stream).unwrap();
        let begun = Instant::now();
        let mut n = 0u64;
        for _ in 0..depth {
            ws.write(tungstenite::Message::Binary(payload.clone()))
                .unwrap();
        }
        ws.flush().unwrap();
        while begun.elapsed() < run {
            // batch of depth/2
            let k = (depth / 2).max(1);
            for _ in 0..k {
                ws.read().unwrap();
                n += 1;
            }
            for _ in 0..k {
                ws.write(tungstenite::Message::Binary(payload.clone()))
                    .unwrap();
            }
            ws.flush().unwrap();
        }
        println!(
            "tung {size} {depth}: {:.0}/s",
            n as f64 / begun.elapsed().as_secs_f64()
        );
        return;
    }
    let drive = if how.ends_with("threads") {
        Drive::Threads(1)
    } else {
        Drive::Inline
    };
    let m = Manager::new(ManagerOptions {
        drive,
        ..Default::default()
    })
    .unwrap();
    let req = Request::get(&url).unwrap();
    if how.starts_with("cb") {
        use std::sync::Arc;
        use std::sync::atomic::*;
        let n = Arc::new(AtomicU64::new(0));
        let n2 = n.clone();
        let p = payload.clone();
        let h = m
            .submit(
                req,
                Delivery::Callback(Box::new(move |e: Event| match e.part() {
                    Part::Head(_) => {
                        for _ in 0..depth {
                            let _ = e.control().send(Frame::Binary(p.clone()));
                        }
                    }
                    Part::Frame(_) => {
                        n2.fetch_add(1, Ordering::Relaxed);
                        let _ = e.control().send(Frame::Binary(p.clone()));
                    }
                    _ => {}
                })),
            )
            .unwrap();
        let begun = Instant::now();
        while begun.elapsed() < run {
            if drive == Drive::Inline {
                m.poll(
                    &mut Vec::new(),
                    1,
                    Some(Instant::now() + Duration::from_millis(100)),
                )
                .unwrap();
            } else {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        println!(
            "{how} {size} {depth}: {:.0}/s",
            n.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
        );
        h.cancel();
        return;
    }
    let h = m.submit(req, Delivery::Recv).unwrap();
    assert!(matches!(h.recv(None).unwrap().part(), Part::Head(_)));
    let begun = Instant::now();
    let mut n = 0u64;
    let mut batch = Vec::new();
    for _ in 0..depth {
        h.send(Frame::Binary(payload.clone())).unwrap();
    }
    while begun.elapsed() < run {
        let k = h.recv_many(&mut batch, 1024, None).unwrap();
        batch.clear();
        n += k as u64;
        for _ in 0..k {
            h.send(Frame::Binary(payload.clone())).unwrap();
        }
    }
    println!(
        "{how} {size} {depth}: {:.0}/s",
        n as f64 / begun.elapsed().as_secs_f64()
    );
}
