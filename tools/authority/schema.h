// The tables of an authority, as numbered steps. A database remembers which steps it has made; opening it makes the
// missing ones, each in a transaction, and refuses a database of a newer sealcall.
#pragma once

#include "database.h"

namespace sealcall::authority {

/// Makes every missing step. Two processes may do so at once. Throws DatabaseError.
void migrate(Database& database);

/// The newest step that this program knows.
int newest_schema();

}  // namespace sealcall::authority
