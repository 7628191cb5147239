use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn from(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An address of its own for each number.
fn somewhere(number: u32) -> IpAddr {
    IpAddr::from(Ipv6Addr::from_bits(u128::from(number) << 64))
}

fn tried(
    throttle: &Throttle,
    name: &str,
    address: IpAddr,
    now: Timestamp,
) -> Result<Attempt, Paused> {
    throttle.attempt(Way::Password(name), address, now)
}

fn pause(result: &Result<Attempt, Paused>) -> Option<u64> {
    result.as_ref().err().map(|Paused(pause)| pause.as_secs())
}

/// The pauses that `failures` cost, each of the name and from the address that `who` says.
fn pauses(failures: u32, who: impl Fn(u32) -> (String, IpAddr)) -> Vec<u64> {
    let throttle = Throttle::default();
    let (mut now, mut pauses) = (0, Vec::new());
    for failure in 0..failures {
        let (name, address) = who(failure);
        if let Some(seconds) = pause(&tried(&throttle, &name, address, at(now))) {
            pauses.push(seconds);
            now += i64::try_from(seconds).unwrap();
            let _ = tried(&throttle, &name, address, at(now)).unwrap();
        }
    }
    pauses
}

#[test]
fn five_failures_are_free_and_each_further_one_costs_twice_as_much_up_to_a_quarter_of_an_hour() {
    let all = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900];
    let here = from("192.0.2.1");
    assert_eq!(pauses(18, |_| ("alice".to_owned(), here)), all);
    assert_eq!(pauses(18, |number| (number.to_string(), here)), all);
    // By one name from everywhere: whose name it is shall not be kept out for long.
    assert_eq!(
        pauses(14, |number| ("alice".to_owned(), somewhere(number))),
        [1, 2, 4, 8, 16, 30, 30, 30, 30]
    );
}

#[test]
fn nobody_is_locked_out_by_others_where_they_have_logged_in_before() {
    let throttle = Throttle::default();
    let home = from("192.0.2.1");
    throttle.succeeded(tried(&throttle, "alice", home, at(0)).unwrap(), at(0));
    for number in 0..6 {
        let _ = tried(&throttle, "alice", somewhere(number), at(1));
        let _ = tried(&throttle, &format!("name-{number}"), home, at(1));
    }
    assert!(tried(&throttle, "alice", somewhere(9), at(1)).is_err());
    assert!(tried(&throttle, "bob", home, at(1)).is_err());
    // At home she may fail as often as anybody, and no more.
    for _ in 0..5 {
        let _ = tried(&throttle, "Alice", home, at(1)).unwrap();
    }
    assert_eq!(pause(&tried(&throttle, "alice", home, at(1))), Some(1));
}

#[test]
fn whoever_fails_at_a_name_all_the_time_keeps_nobody_out_of_a_browser_that_they_used_before() {
    let device = Device::of("Alice", "stamp").unwrap();
    // Nothing is remembered from before: we were restarted.
    let throttle = Throttle::default();
    let (home, office) = (from("192.0.2.1"), from("192.0.2.2"));
    let mut shut = 0;
    for second in 0..3600 {
        let number = u32::try_from(second).unwrap();
        let _ = tried(&throttle, "alice", somewhere(number), at(second));
        let _ = tried(&throttle, &format!("name-{second}"), home, at(second));
        shut += u32::from(tried(&throttle, "alice", office, at(second)).is_err());
        let attempt = throttle.attempt(Way::Device(&device), home, at(second));
        throttle.succeeded(attempt.unwrap(), at(second));
    }
    assert!(shut > 3000, "{shut}: anybody else waits while it goes on");
}

#[test]
fn a_browser_that_was_used_before_may_fail_as_often_as_anybody_and_no_more() {
    let throttle = Throttle::default();
    let device = Device::of("alice", "stamp").unwrap();
    let (mut now, mut pauses) = (0, Vec::new());
    for number in 0..16 {
        // Wherever it is carried to.
        let there = somewhere(number);
        if let Some(seconds) = pause(&throttle.attempt(Way::Device(&device), there, at(now))) {
            pauses.push(seconds);
            now += i64::try_from(seconds).unwrap();
            let _ = throttle
                .attempt(Way::Device(&device), there, at(now))
                .unwrap();
        }
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]);
    // Nobody else waits for it, and it is not what another password is guessed with.
    assert!(tried(&throttle, "alice", somewhere(99), at(now)).is_ok());
    let other = Device::of("alice", "stamp").unwrap();
    assert!(
        throttle
            .attempt(Way::Device(&other), somewhere(0), at(now))
            .is_ok()
    );
    assert!(device.is_of(" ALICE", "stamp"));
    assert!(!device.is_of("alice", "changed") && !device.is_of("bob", "stamp"));
}

#[test]
fn homes_take_a_bounded_place() {
    let throttle = Throttle::default();
    let places = u32::try_from(PLACES).unwrap();
    for number in 0..places + 10 {
        let attempt = tried(&throttle, "alice", somewhere(number), at(i64::from(number)));
        throttle.succeeded(attempt.unwrap(), at(i64::from(number)));
    }
    assert_eq!(throttle.counters().familiar.len(), PLACES);
}

#[test]
fn whoever_comes_back_from_a_directory_and_is_refused_waits_and_others_do_not() {
    let throttle = Throttle::default();
    let here = from("192.0.2.1");
    for _ in 0..5 {
        let _ = throttle.attempt(Way::Directory, here, at(0)).unwrap();
    }
    assert_eq!(
        pause(&throttle.attempt(Way::Directory, here, at(0))),
        Some(1)
    );
    // A password is no way around it, nor is this one around that.
    assert_eq!(pause(&tried(&throttle, "alice", here, at(0))), Some(1));
    assert!(
        throttle
            .attempt(Way::Directory, from("192.0.2.2"), at(0))
            .is_ok()
    );
}

#[test]
fn no_name_that_is_typed_keeps_tokens_out() {
    let throttle = Throttle::default();
    let office = from("203.0.113.7");
    for number in 0..40 {
        for name in ["token from 203.0.113.7", "token", "", "token and address"] {
            let _ = tried(&throttle, name, somewhere(number), at(i64::from(number)));
        }
        assert!(
            throttle
                .attempt(Way::Token, office, at(40))
                .is_ok_and(|attempt| {
                    throttle.succeeded(attempt, at(40));
                    true
                })
        );
    }
    // Whoever tries tokens that are none waits, and nobody elsewhere does.
    let there = from("203.0.113.8");
    for _ in 0..5 {
        let _ = throttle.attempt(Way::Token, there, at(40)).unwrap();
    }
    assert_eq!(pause(&throttle.attempt(Way::Token, there, at(40))), Some(1));
    assert!(throttle.attempt(Way::Token, office, at(40)).is_ok());
}

#[test]
fn a_guess_in_a_pause_is_refused_and_makes_it_no_longer() {
    let throttle = Throttle::default();
    for _ in 0..6 {
        let _ = tried(&throttle, "alice", from("192.0.2.1"), at(0));
        let _ = tried(&throttle, "alice", from("192.0.2.1"), at(1));
    }
    for _ in 0..100 {
        assert!(tried(&throttle, "alice", from("192.0.2.2"), at(1)).is_err());
    }
    assert!(tried(&throttle, "alice", from("192.0.2.2"), at(3)).is_ok());
}

#[test]
fn an_address_that_guesses_at_many_names_pauses_and_others_do_not() {
    let throttle = Throttle::default();
    for name in ["a", "b", "c", "d", "e"] {
        let _ = tried(&throttle, name, from("192.0.2.1"), at(0)).unwrap();
    }
    assert!(tried(&throttle, "f", from("192.0.2.1"), at(0)).is_err());
    assert!(tried(&throttle, "f", from("::ffff:192.0.2.1"), at(0)).is_err());
    assert!(tried(&throttle, "f", from("192.0.2.2"), at(0)).is_ok());
}

#[test]
fn all_of_one_ipv6_network_is_one_address() {
    let throttle = Throttle::default();
    for host in 1..=5 {
        let address = from(&format!("2001:db8:0:1::{host}"));
        let _ = tried(&throttle, &format!("name-{host}"), address, at(0)).unwrap();
    }
    assert!(tried(&throttle, "f", from("2001:db8:0:1:ffff::1"), at(0)).is_err());
    assert!(tried(&throttle, "f", from("2001:db8:0:2::1"), at(0)).is_ok());
}

#[test]
fn a_login_clears_the_name_and_not_the_address() {
    let throttle = Throttle::default();
    let here = from("192.0.2.1");
    for _ in 0..4 {
        let _ = tried(&throttle, "alice", here, at(0)).unwrap();
    }
    throttle.succeeded(tried(&throttle, " ALICE ", here, at(0)).unwrap(), at(0));
    for number in 1..=5 {
        let elsewhere = somewhere(number);
        let _ = tried(&throttle, "alice", elsewhere, at(0)).unwrap();
    }
    // Four of its own and one for another name; those elsewhere are not its.
    let _ = tried(&throttle, "bob", here, at(0)).unwrap();
    assert_eq!(pause(&tried(&throttle, "carol", here, at(0))), Some(1));
}

#[test]
fn what_nobody_looked_at_does_not_count() {
    let throttle = Throttle::default();
    for _ in 0..100 {
        throttle.withdraw(tried(&throttle, "alice", from("192.0.2.1"), at(0)).unwrap());
    }
    assert!(throttle.counters().names.0.is_empty());
    assert!(throttle.counters().addresses.0.is_empty());
}

#[test]
fn attempts_at_once_are_no_more_than_attempts_one_after_the_other() {
    let throttle = Throttle::default();
    let under_way: Vec<_> = (0..100)
        .map(|number| tried(&throttle, "alice", somewhere(number), at(0)))
        .collect();
    assert_eq!(
        under_way.iter().filter(|attempt| attempt.is_ok()).count(),
        5
    );
}

#[test]
fn after_a_quiet_hour_all_is_forgotten_and_not_before() {
    let throttle = Throttle::default();
    for number in 0..5 {
        let _ = tried(&throttle, "alice", somewhere(number), at(0)).unwrap();
    }
    let _ = tried(&throttle, "alice", somewhere(5), at(3599)).unwrap();
    assert_eq!(
        pause(&tried(&throttle, "alice", somewhere(6), at(3599))),
        Some(2)
    );
    for number in 0..5 {
        let attempt = tried(&throttle, "alice", somewhere(number), at(3599 + 3600));
        let _ = attempt.unwrap();
    }
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out_for_longer() {
    let throttle = Throttle::default();
    for _ in 0..5 {
        let _ = tried(&throttle, "alice", somewhere(1), at(1_000_000)).unwrap();
    }
    let elsewhere = tried(&throttle, "alice", somewhere(9), at(0));
    assert_eq!(pause(&elsewhere), Some(30));
    let here = tried(&throttle, "alice", somewhere(1), at(0));
    assert_eq!(pause(&here), Some(900));
}

#[test]
fn made_up_names_take_a_bounded_place_and_push_out_no_pause() {
    let throttle = Throttle::default();
    for number in 0..6 {
        let _ = tried(&throttle, "alice", somewhere(number), at(i64::from(number)));
    }
    assert!(tried(&throttle, "alice", somewhere(9), at(5)).is_err());
    let places = u32::try_from(PLACES).unwrap();
    for number in 0..2 * places {
        let _ = tried(
            &throttle,
            &format!("made-up-{number}"),
            somewhere(number),
            at(5),
        )
        .unwrap();
    }
    assert!(tried(&throttle, "alice", somewhere(9), at(5)).is_err());
    let counters = throttle.counters();
    for places in [&counters.names, &counters.own, &counters.addresses] {
        assert!(places.0.len() <= PLACES);
    }
}

#[derive(Debug, Clone)]
struct Try {
    name: usize,
    address: u32,
    after: i64,
    right: bool,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = (
        0..3_usize,
        0..4_u32,
        0..900_i64,
        proptest::bool::weighted(0.1),
    );
    let one = one.prop_map(|(name, address, after, right)| Try {
        name,
        address,
        after,
        right,
    });
    proptest::collection::vec(one, 0..80)
}

proptest! {
    #[test]
    fn no_hour_has_more_failures_of_a_name_than_the_pauses_allow(tries in tries()) {
        let throttle = Throttle::default();
        let mut now = 0;
        let mut of_names: [Vec<i64>; 3] = Default::default();
        let mut of_pairs: [[Vec<i64>; 4]; 3] = Default::default();
        let mut homes = std::collections::BTreeSet::new();
        for Try { name, address, after, right } in tries {
            now += after;
            let Ok(attempt) = tried(&throttle, &name.to_string(), somewhere(address), at(now)) else {
                continue;
            };
            let at_address = usize::try_from(address).unwrap();
            if right {
                throttle.succeeded(attempt, at(now));
                of_names[name].clear();
                of_pairs[name][at_address].clear();
                homes.insert((name, address));
                continue;
            }
            of_pairs[name][at_address].push(now);
            if !homes.contains(&(name, address)) {
                of_names[name].push(now);
            }
        }
        for times in of_pairs.iter().flatten() {
            // Pauses of 1, 2, 4 … 512 seconds and then of 900: ten of them are 1023 seconds, and two more fit in an hour.
            for window in times.windows(14) {
                prop_assert!(window[13] - window[0] >= 900, "{times:?}");
            }
        }
        for times in &of_names {
            // Pauses of 1, 2, 4, 8, 16 seconds and then of 30.
            for window in times.windows(14) {
                prop_assert!(window[13] - window[0] >= 31 + 3 * 30, "{times:?}");
            }
        }
    }

    #[test]
    fn whoever_waits_as_long_as_they_are_told_may_try_and_not_before(
        failures in 5..30_u32, early in 1..1_000_u64, from_everywhere: bool,
    ) {
        let somewhere = |number| somewhere(if from_everywhere { number } else { 0 });
        let throttle = Throttle::default();
        let mut now = at(0);
        for number in 0..failures {
            let address = somewhere(number);
            if let Err(Paused(pause)) = tried(&throttle, "alice", address, now) {
                prop_assert!(!pause.is_zero() && pause <= Duration::from_mins(15));
                let almost = now + pause.saturating_sub(Duration::from_millis(early.min(999)));
                prop_assert!(tried(&throttle, "alice", address, almost).is_err());
                now += pause;
                prop_assert!(tried(&throttle, "alice", address, now).is_ok());
            }
        }
    }
}
