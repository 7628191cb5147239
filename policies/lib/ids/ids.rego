# METADATA
# title: Ids as our systems write them
package lib.ids

# METADATA
# description: Lists hold ids letter by letter, so an id that is spelt in another way would get past them.
plain(id) if regex.match(`^[a-z0-9_]+$`, id)
