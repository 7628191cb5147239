package lib.risk

high(context) if context.score > 80

high(context) if embargoed(context.country)

embargoed(country) if country in data.embargo
