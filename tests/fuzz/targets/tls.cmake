sealcall_fuzz(info_body_fuzz SOURCES tests/fuzz/info_body_fuzz.cpp LIBS sealcall::tls)
sealcall_fuzz(tls_channel_fuzz SOURCES tests/fuzz/tls_channel_fuzz.cpp LIBS sealcall::tls)
