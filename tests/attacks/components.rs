//! Components that no toolchain would make.

/// What a component must export to be looked at any further. Its functions are of no use: what is wanted happens before
/// they are called.
fn exports() -> String {
    let interface = |name: &str, functions: &[&str]| {
        let functions: String = functions
            .iter()
            .map(|function| format!("(export \"{function}\" (func $f))"))
            .collect();
        format!(
            "(instance ${name} {functions}) (export \"tidegate:connect/{name}@0.1.0\" (instance ${name}))"
        )
    };
    let plugin = interface("plugin", &["describe", "validate"]);
    let sink = interface(
        "sink",
        &[
            "task-configs",
            "alter-offsets",
            "start",
            "open",
            "put",
            "flush",
            "close",
            "stop",
        ],
    );
    plugin + &sink
}

/// A component of so many instances of a core module, which exports a function `f`.
pub fn of_text(module: &str, instances: usize) -> Vec<u8> {
    of_module(&format!("(core module $m {module})"), instances)
}

/// The same of a core module in binary, once.
pub fn of_binary(module: &[u8]) -> Vec<u8> {
    let placeholder = of_text("(func (export \"f\"))", 1);
    let mut component = placeholder[..8].to_vec();
    assert_eq!(placeholder[8], 1, "the module comes first");
    let length = usize::from(placeholder[9]);
    assert!(length < 0x80, "its length is one byte");
    component.extend(section(1, module));
    component.extend(&placeholder[10 + length..]);
    component
}

/// A component of so many instances of a core module.
fn of_module(module: &str, instances: usize) -> Vec<u8> {
    let more = "(core instance (instantiate $m))".repeat(instances - 1);
    let text = format!(
        "(component {module} {more} (core instance $i (instantiate $m)) \
         (func $f (canon lift (core func $i \"f\"))) {})",
        exports()
    );
    wat::parse_str(text).unwrap()
}

/// A core module with so many functions of this body, the first of which is exported as `f`.
pub fn module_of(body: &[u8], functions: usize) -> Vec<u8> {
    let mut types = vec![];
    leb(functions, &mut types);
    types.extend(vec![0; functions]);
    let mut code = vec![];
    leb(functions, &mut code);
    for _ in 0..functions {
        leb(body.len(), &mut code);
        code.extend(body);
    }
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, &[1, 0x60, 0, 0]));
    module.extend(section(3, &types));
    module.extend(section(7, &[1, 1, b'f', 0, 0]));
    module.extend(section(10, &code));
    module
}

/// A body of blocks in one another.
pub fn nested_blocks(depth: usize) -> Vec<u8> {
    let mut body = vec![0];
    body.extend([0x02, 0x40].repeat(depth));
    body.extend(vec![0x0b; depth + 1]);
    body
}

/// A body with so many local variables, each read and written.
pub fn many_locals(count: usize) -> Vec<u8> {
    let mut body = vec![1];
    leb(count, &mut body);
    body.push(0x7f);
    for local in 0..count {
        // local.get, local.set of its neighbour
        body.push(0x20);
        leb(local, &mut body);
        body.push(0x21);
        leb((local + 1) % count, &mut body);
    }
    body.push(0x0b);
    body
}

/// A body of loops in one another, of which the innermost changes so many local variables: each loop hands on all of
/// them.
pub fn loops_over_locals(locals: usize, depth: usize) -> Vec<u8> {
    let mut body = vec![1];
    leb(locals, &mut body);
    body.push(0x7f);
    body.extend([0x03, 0x40].repeat(depth));
    for local in 0..locals {
        // local.get, i32.const 1, i32.add, local.set
        body.push(0x20);
        leb(local, &mut body);
        body.extend([0x41, 1, 0x6a, 0x21]);
        leb(local, &mut body);
    }
    // local.get 0, br_if 0, end
    body.extend([0x20, 0, 0x0d, 0, 0x0b].repeat(depth));
    body.push(0x0b);
    body
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![id];
    leb(content.len(), &mut bytes);
    bytes.extend(content);
    bytes
}

fn leb(mut number: usize, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
}
