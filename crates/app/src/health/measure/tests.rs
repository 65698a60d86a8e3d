#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const STAT1: &str = "cpu  100 0 100 800 0 0 0 0 0 0";

fn machine(stat2: &str) -> String {
    format!(
        "Welcome!\n@@stat1\n{STAT1}\n@@memory\nMemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 250 kB\n@@uname\nLinux\n\
         6.1.0\nx86_64\nweb-1\n@@release\nNAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n@@uptime\n93784.12 1.0\n\
         @@cores\n4\n@@load\n0.25 0.1 0.0 1/2 3\n@@stat2\n{stat2}\n@@end\n"
    )
}

#[test]
fn a_processor_is_judged_by_two_readings() {
    let mut seen = Resources::default();
    // 30 ticks of work, 60 of nothing, 10 of waiting for a disk.
    seen.read_facts(machine("cpu  120 0 110 860 10 0 0 0 0 0").as_bytes());
    assert_eq!(seen.cpu, Some(30.0));
    assert_eq!(seen.memory, Some(Memory { total: 1_024_000, available: 256_000, percent: 75.0 }));
    let facts = HostFacts {
        system: Some("Linux".to_owned()),
        kernel: Some("6.1.0".to_owned()),
        machine: Some("x86_64".to_owned()),
        node: Some("web-1".to_owned()),
        release: Some("Debian GNU/Linux 12".to_owned()),
        uptime_seconds: Some(93784),
        cores: Some(4),
        load: Some(0.25),
    };
    assert_eq!(seen.facts, facts);
    assert!(seen.errors.is_empty(), "{:?}", seen.errors);
}

#[test]
fn one_measure_that_fails_leaves_the_others() {
    let mut seen = Resources::default();
    seen.read_facts(machine("").as_bytes());
    assert_eq!(seen.cpu, None);
    assert_eq!(seen.errors["cpu"], "/proc/stat cannot be read there");
    assert!(seen.memory.is_some());

    let mut seen = Resources::default();
    seen.read_facts(machine(STAT1).as_bytes());
    assert_eq!(seen.errors["cpu"], "the processor's counters did not move");
}

#[test]
fn an_old_kernel_has_memory_too() {
    let lines = ["MemTotal: 1000 kB", "MemFree: 100 kB", "Buffers: 50 kB", "Cached: 350 kB"];
    assert_eq!(memory(&lines).unwrap().percent, 50.0);
}

#[test]
fn disks_are_read_one_by_one() {
    let mut seen = Resources::default();
    let answer = b"Filesystem 1024-blocks Used Available Capacity Mounted on\n\
        /dev/sda1 1000 300 600 34% /\n//nas/my share 2000 1000 1000 50% /mnt/my  disk\n\
        /dev/sda1 1000 300 600 34% /\n/dev/sdb 100 100 -5 105% /full\nmap auto_home 0 0 0 100% /home\n\
        @@silent /mnt/dead\n";
    seen.read_disks(answer);
    let mounts: Vec<_> = seen.disks.iter().map(|disk| (disk.mount.as_str(), disk.percent)).collect();
    assert_eq!(mounts, [("/", 33.3), ("/full", 100.0), ("/mnt/my  disk", 50.0)]);
    assert_eq!(seen.disks[2].device, "//nas/my share");
    assert_eq!(seen.disks[0].total, 1_024_000);
    assert_eq!(seen.errors["disks"], "no answer in time: /mnt/dead");
    assert_eq!(seen.root_percent(), Some(33.3));
}

#[test]
fn numbers_that_no_machine_has_are_no_numbers() {
    assert_eq!(ticks("cpu 18446744073709551615 1 0 0"), None);
    assert_eq!(disk("/dev/a 18446744073709551615 1 1 1% /"), None);
    assert_eq!(memory(&["MemTotal: 0 kB"]), Err("/proc/meminfo cannot be read there"));
}

/// This machine answers its own scripts.
#[test]
fn the_scripts_run_in_a_plain_shell() {
    let run = |script: &str| {
        let shell = std::process::Command::new("/bin/sh").arg("-c").arg(script).output();
        shell.unwrap().stdout
    };
    let mut seen = Resources::default();
    seen.read_facts(&run(FACTS_SCRIPT));
    seen.read_disks(&run(DISKS_SCRIPT));
    assert!(seen.errors.is_empty(), "{:?}", seen.errors);
    assert!(seen.cpu.unwrap() <= 100.0 && seen.memory.is_some() && seen.root_percent().is_some());
    assert_eq!(seen.facts.system.as_deref(), Some("Linux"));
    assert!(seen.facts.cores.unwrap() >= 1);
}

proptest! {
    #[test]
    fn whatever_a_machine_says_is_read(answer in proptest::collection::vec(any::<u8>(), 0..2000), digits in "[0-9 cpu@\n%/.-]{0,400}") {
        for answer in [&answer[..], digits.as_bytes(), machine(&digits).as_bytes()] {
            fuzz_measure(answer);
        }
    }
}
