sealcall_fuzz(rtp_fuzz SOURCES tests/fuzz/rtp_fuzz.cpp LIBS sealcall::srtp)
