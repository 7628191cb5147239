package lib.hours_test

import data.lib.hours

test_a_weekday_morning_is_office_time if hours.office("2026-11-23T09:00:00Z", "Europe/Berlin")

test_the_evening_is_not if not hours.office("2026-11-23T16:00:00Z", "Europe/Berlin")

test_the_weekend_is_not if not hours.office("2026-11-22T10:00:00Z", "Europe/Berlin")

test_the_time_zone_counts if {
	hours.office("2026-11-23T08:30:00Z", "Europe/Berlin")
	not hours.office("2026-11-23T08:30:00Z", "UTC")
}
