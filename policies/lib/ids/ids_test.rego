package lib.ids_test

import data.lib.ids

test_an_id_in_small_letters_digits_and_underscores_is_plain if ids.plain("cus_123")

test_other_spellings_are_not if {
	not ids.plain("CUS_123")
	not ids.plain(" cus_123")
	not ids.plain("cus_123\n")
	not ids.plain("cus_12\u0437")
	not ids.plain("")
}
