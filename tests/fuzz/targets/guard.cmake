sealcall_fuzz(guard_fuzz SOURCES tests/fuzz/guard_fuzz.cpp LIBS sealcall::guard)
