sealcall_fuzz(wav_fuzz SOURCES tests/fuzz/wav_fuzz.cpp LIBS sealcall::audio)
sealcall_fuzz(jitter_buffer_fuzz SOURCES tests/fuzz/jitter_buffer_fuzz.cpp LIBS sealcall::audio)
sealcall_fuzz(opus_playback_fuzz SOURCES tests/fuzz/opus_playback_fuzz.cpp LIBS sealcall::audio)
