# Functions with several definitions, patterns and a multiple of arguments.
package approvals.functions

approve contains "nothing speaks against it" if input.action == "act"

reject contains "risky" if {
	input.action == "act"
	risk(input.context.country, input.context.amount) == "high"
}

risk(country, amount) := "high" if {
	country in {"KP", "IR"}
	amount > 0
}

risk(country, amount) := "high" if {
	not country in {"KP", "IR"}
	amount > 1000
}

risk(country, amount) := "low" if {
	not country in {"KP", "IR"}
	amount <= 1000
}

escalate contains "far away" if {
	input.action == "act"
	far(input.context.place)
}

far({"lat": lat, "lon": _}) if lat > 60
