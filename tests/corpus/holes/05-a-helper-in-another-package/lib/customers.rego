package lib.customers

blocked if input.context.customer.status == "blocked"
