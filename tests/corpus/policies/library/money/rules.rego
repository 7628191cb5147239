package money.rules

limits := {"eur": 100, "usd": 90}

is_allowed(amount, currency) if amount <= limits[currency]

suspicious contains sender if some sender in ["s8", "s9"]

round if input.context.amount % 50 == 0
