sealcall_fuzz(dtls_fuzz SOURCES tests/fuzz/dtls_fuzz.cpp LIBS sealcall::dtls)
