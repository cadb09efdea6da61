#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
use std::sync::Arc;
use std::time::Instant;
use tidegate_config::Properties;
use tidegate_config::grants::{FolderGrant, Grants};
use tidegate_sandbox::*;
use tidegate_sdk::model::{Batch, ConnectorName, Value};
struct NoOffsets;
impl OffsetReader for NoOffsets {
    fn read(&self, p: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, String> { Ok(vec![None; p.len()]) }
}
fn config(e: &[(&str, &str)]) -> Properties { e.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect() }
fn step(class: &str, e: &[(&str, &str)]) -> Step {
    Step { class: format!("org.apache.kafka.connect.transforms.{class}"), config: config(e), condition: None }
}
fn main() {
    let sandbox = Sandbox::new(Settings { compiler: Compiler::InProcess, ..Settings::new("/tmp/tg-measure-cache") }).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let input = folder.path().join("in.txt");
    let lines: String = (0..1_000_000).map(|n| format!("{{\"id\":{n},\"item\":\"thing {}\",\"price\":{}.5,\"text\":\"some text to make it a hundred bytes or so xxxxxxxx\"}}\n", n % 97, n % 1000)).collect();
    std::fs::write(&input, &lines).unwrap();
    println!("line {} bytes", lines.len() / 1_000_000);
    let identity = Identity { connector: ConnectorName::parse("m").unwrap(), task: Some(0) };
    let grants = Grants { folders: vec![FolderGrant { path: folder.path().to_owned(), writable: true }], ..Grants::default() };
    let t = Instant::now();
    let file = sandbox.load_file("target/plugins/file.wasm".as_ref()).unwrap();
    println!("load file {:?} imports {:?}", t.elapsed(), file.imports());
    for i in file.infos() { println!("{} {:?} pure {}", i.class_name, i.kind, i.pure); }
    let mut source = file.source(&identity, "org.apache.kafka.connect.file.FileStreamSourceConnector", &grants, Arc::new(NoOffsets)).unwrap();
    source.start(&config(&[("file", input.to_str().unwrap()), ("topic", "t")])).unwrap();
    let t = Instant::now();
    let mut batches: Vec<Batch> = vec![];
    loop {
        let polled = source.poll(2000, 1 << 20).unwrap();
        if polled.batch.count == 0 { break; }
        batches.push(polled.batch);
    }
    let n: usize = batches.iter().map(|b| b.count).sum();
    println!("source: {n} records in {} polls, {:.0} ns each", batches.len(), t.elapsed().as_nanos() as f64 / n as f64);
    println!("memory {}", source.memory_bytes());
    let mut sink = file.sink(&identity, "org.apache.kafka.connect.file.FileStreamSinkConnector", &grants).unwrap();
    sink.start(&config(&[("file", folder.path().join("out.txt").to_str().unwrap())])).unwrap();
    let t = Instant::now();
    for b in batches { sink.put(b).unwrap(); }
    sink.flush(&[]).unwrap();
    println!("sink: {:.0} ns each", t.elapsed().as_nanos() as f64 / n as f64);
    let out = std::fs::read_to_string(folder.path().join("out.txt")).unwrap();
    assert!(out == lines, "out differs");

    let t = Instant::now();
    let transforms = sandbox.load_file("target/plugins/transforms.wasm".as_ref()).unwrap();
    println!("load transforms {:?} imports {:?}", t.elapsed(), transforms.imports());
    for i in transforms.infos() { println!("{} {:?} pure {}", i.class_name, i.kind, i.pure); }
    let datagen = sandbox.load_file("target/plugins/datagen.wasm".as_ref()).unwrap();
    for schema in ["false", "true"] {
        let mut gen_ = datagen.source(&identity, "io.tidegate.datagen.DatagenSourceConnector", &Grants::default(), Arc::new(NoOffsets)).unwrap();
        gen_.start(&config(&[("topic", "t"), ("schema.enable", schema)])).unwrap();
        let t = Instant::now();
        let mut batches = vec![];
        let mut n = 0;
        while n < 200_000 { let p = gen_.poll(2000, 1 << 20).unwrap(); n += p.batch.count; batches.push(p.batch); }
        println!("datagen schema={schema}: {:.0} ns each, {} bytes", t.elapsed().as_nanos() as f64 / n as f64, batches[0].values.bytes.len() / batches[0].count);
        for (name, steps) in [
            ("InsertField", vec![step("InsertField$Value", &[("topic.field", "topic"), ("static.field", "s"), ("static.value", "v")])]),
            ("ReplaceField", vec![step("ReplaceField$Value", &[("exclude", "itemid"), ("renames", "ordertime:t")])]),
            ("RegexRouter", vec![step("RegexRouter", &[("regex", "(.*)"), ("replacement", "x-$1")])]),
            ("ValueToKey", vec![step("ValueToKey", &[("fields", "itemid")])]),
            ("five", vec![
                step("ValueToKey", &[("fields", "itemid")]), step("ExtractField$Key", &[("field", "itemid")]),
                step("InsertField$Value", &[("topic.field", "topic"), ("static.field", "s"), ("static.value", "v")]),
                step("ReplaceField$Value", &[("exclude", "itemid"), ("renames", "ordertime:t")]),
                step("RegexRouter", &[("regex", "(.*)"), ("replacement", "x-$1")])]),
        ] {
            let mut chain = transforms.transforms(&identity, steps).unwrap();
            let copies = batches.clone();
            let t = Instant::now();
            let mut last = None;
            for b in copies { last = Some(chain.apply(b).unwrap()); }
            println!("  {name}: {:.0} ns each", t.elapsed().as_nanos() as f64 / n as f64);
            let last = last.unwrap();
            assert!(last.errors.is_empty() && last.batch.count > 0);
            if name == "five" { println!("    {:?} key {:?} value {:?}", last.batch.topic(0), last.batch.iter_keys().next().flatten().map(Value::decode), last.batch.iter_values().next().flatten().map(Value::decode)); }
        }
    }
}
