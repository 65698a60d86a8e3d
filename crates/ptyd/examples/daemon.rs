use bastide_rt::config::{File, Flag};
fn main() {
    let mut flags = Vec::new();
    let args: Vec<String> = std::env::args().skip(2).collect();
    for pair in args.chunks(2) {
        let (name, key) = match pair[0].as_str() {
            "--socket" => ("--socket", "socket"),
            "--token-file" => ("--token-file", "token_file"),
            "--state-dir" => ("--state-dir", "state_dir"),
            o => panic!("{o}"),
        };
        flags.push(Flag { name, key, value: pair[1].clone() });
    }
    let _ = bastide_rt::logging::init(&bastide_rt::logging::Logging::default());
    let config = match bastide_ptyd::Config::load(File::None, &flags) {
        Ok(c) => c,
        Err(e) => {
            eprintln!("bastide ptyd: {e}");
            std::process::exit(2)
        }
    };
    let rt = tokio::runtime::Runtime::new().unwrap();
    match rt.block_on(bastide_ptyd::run(config, None, |_| {})) {
        Ok(c) => std::process::exit(c),
        Err(e) => {
            eprintln!("bastide ptyd: {e}");
            std::process::exit(1)
        }
    }
}
