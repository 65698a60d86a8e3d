//! Command groups that come with the product, as data.

use crate::rules::CommandGroup;

const FILES: [&str; 2] = [include_str!("ready/machines.json"), include_str!("ready/devices.json")];

/// The ready-made command groups. A rule names one by its id; a group of the same id in the set replaces it.
pub fn groups() -> Vec<CommandGroup> {
    FILES
        .iter()
        .flat_map(|text| {
            serde_json::from_str::<Vec<CommandGroup>>(text).expect("shipped data; a test reads each file")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Action, Bundle, Door, Match, Rule, RuleSet, Subject};

    fn judge(group: &str, door: Door) -> crate::Judge {
        let text = format!(
            r#"{{"version": 1, "rules": [{{"id": "r", "priority": 1, "action": "deny",
                "scope": {{"doors": ["{}"]}}, "match": {{"groups": ["{group}"]}}}}]}}"#,
            door.as_str()
        );
        Bundle::new(&RuleSet::parse(text.as_bytes()).unwrap()).unwrap().judge(&Subject::at(door))
    }

    #[test]
    fn each_group_is_sound_and_has_both_names() {
        let set = RuleSet { command_groups: groups(), ..RuleSet::default() };
        set.check().unwrap();
        for group in groups() {
            assert!(group.id.starts_with("std-") && !group.name.en.is_empty() && !group.name.zh.is_empty());
        }
    }

    #[test]
    fn lines_are_in_the_groups_that_people_expect() {
        for (group, inside, outside) in [
            ("std-delete-files", "sudo rm x", "ls rm"),
            ("std-delete-trees", "rm -fr /tmp/x", "rm -f x"),
            ("std-disks", "/sbin/mkfs.ext4 /dev/sda1", "lsblk"),
            ("std-shutdown", "/sbin/reboot", "echo reboot"),
            ("std-shutdown", "systemctl --force reboot", "systemctl status"),
            ("std-shutdown", "init 6", "init 3"),
            ("std-users", "chmod 4755 /tmp/sh", "chmod 644 x"),
            ("std-users", "chmod u+s /bin/sh", "chmod u+x x"),
            ("std-firewall", "ip route del default", "ip addr show"),
            ("std-packages", "pip install x", "pip list"),
            ("std-database-destruction", "mysql -e 'DROP TABLE users'", "mysql -e 'select 1'"),
            ("std-database-destruction", "psql -c 'delete from t'", "psql -c 'delete from t where id=1'"),
            ("std-services", "kubectl delete pod x", "kubectl get pods"),
            ("std-history", "rm -f ~/.bash_history", "cat x"),
        ] {
            let judge = judge(group, Door::Line);
            assert_eq!(judge.line(inside).action, Action::Deny, "{inside}");
            assert_eq!(judge.line(outside).action, Action::Allow, "{outside}");
        }
    }

    #[test]
    fn commands_of_devices_may_be_abbreviated() {
        for (group, inside, outside) in [
            ("std-device-vrp", "res sav", "display saved-configuration"),
            ("std-device-vrp", "reboot fast", "display version"),
            ("std-device-comware", "UNDO VLAN 10", "vlan 10"),
            ("std-device-ios", "rel", "show version"),
            ("std-device-ios", "wr er", "show run"),
            ("std-device-ios", "do reload in 5", "interface Gi0/1"),
            ("std-device-ios", "copy tftp: run", "copy run tftp:"),
        ] {
            let judge = judge(group, Door::Line);
            assert_eq!(judge.device_line(inside).action, Action::Deny, "{inside}");
            assert_eq!(judge.device_line(outside).action, Action::Allow, "{outside}");
        }
    }

    #[test]
    fn a_group_of_device_commands_is_refused_at_the_exec_door() {
        let groups = vec!["std-device-ios".to_owned()];
        let matches = Match { groups, ..Match::default() };
        let text = r#"{"id": "r", "priority": 1, "action": "deny", "match": {"any": true}}"#;
        let rule = Rule { matches, ..serde_json::from_str(text).unwrap() };
        let faults = RuleSet { rules: vec![rule], ..RuleSet::default() }.check().unwrap_err();
        assert_eq!(faults.0[0].place, "rules[0].match.groups[0]");
    }
}
