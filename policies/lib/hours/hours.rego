# METADATA
# title: Times of day and week
package lib.hours

# METADATA
# description: Holds from Monday to Friday, from 9:00 to 16:59, in the given time zone. `now` is an RFC 3339 time.
office(now, zone) if {
	at := time.parse_rfc3339_ns(now)
	time.weekday([at, zone]) in {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday"}
	[hour, _, _] := time.clock([at, zone])
	hour >= 9
	hour < 17
}
