package approvals

# METADATA
# title: Reviewed by two
approve contains "two people reviewed it" if {
	input.action == "deploy.production"
	count(input.context.reviews) >= 2
	every name in input.context.reviews {
		name in data.people.reviewers
	}
}
