/* The attested channel (design: sections 5 to 7; docs/protocol.md; enclave/session_attest.cpp; attestation/binding.cpp).
 *
 * What it is for: to show that the protocol as built accepts no Evidence and no Verdict that was not made by the enclave at
 * the other end of this very channel, and what each element of the signed array is there for. docs/formal/README.md says what
 * is abstracted and at which risk; docs/formal/runs.toml lists the runs; tools/model makes them.
 *
 * What it trusts: signatures, hashes and random numbers are perfect. TLS keeps a channel between two enclaves secret and in
 * order, and its exporter differs between channels. It is NOT trusted to say who the client is (the exporter ends before
 * the client's certificate), and identity keys are NOT secret: Mallory signs with every phone's identity key,
 * unless KEYS_SAFE is defined. What she cannot do is make an enclave's AK sign what the enclave would not sign.
 *
 * One process, the network, is the attacker: it decides who meets whom, what arrives and when, and speaks on every channel
 * of which it holds an end. A phone's session is a record, and its handlers have the names of those in the code. What a phone
 * refuses ends its session and so cannot hurt: such steps are left out.
 *
 * What Mallory puts into a Hello is decided when it first matters: CHOSEN_LATER stands for "whatever helps", is fixed when
 * an array that was signed must equal one that is expected, and counts as wrong for a property as long as nothing has fixed it.
 * CHOSEN_AT_ONCE tries all values instead; it must come to the same results.
 */

/* ---- Switches: an element of the array that is left out of what the AK signs -------------------------------------- */

#ifdef WITHOUT_PURPOSE
#define SIGNED_PURPOSE false
#else
#define SIGNED_PURPOSE true
#endif
#ifdef WITHOUT_ROLE
#define SIGNED_ROLE false
#else
#define SIGNED_ROLE true
#endif
#ifdef WITHOUT_ROUND
#define SIGNED_ROUND false
#else
#define SIGNED_ROUND true
#endif
#ifdef WITHOUT_CHANNEL_BINDING
#define SIGNED_CHANNEL_BINDING false
#else
#define SIGNED_CHANNEL_BINDING true
#endif
#ifdef WITHOUT_VERIFIER_NONCE
#define SIGNED_VERIFIER_NONCE false
#else
#define SIGNED_VERIFIER_NONCE true
#endif
#ifdef WITHOUT_ATTESTER_NONCE
#define SIGNED_ATTESTER_NONCE false
#else
#define SIGNED_ATTESTER_NONCE true
#endif
#ifdef WITHOUT_ATTESTER_TLS_SPKI
#define SIGNED_ATTESTER_TLS_SPKI false
#else
#define SIGNED_ATTESTER_TLS_SPKI true
#endif
#ifdef WITHOUT_PEER_TLS_SPKI
#define SIGNED_PEER_TLS_SPKI false
#else
#define SIGNED_PEER_TLS_SPKI true
#endif
#ifdef WITHOUT_ATTESTER_DTLS
#define SIGNED_ATTESTER_DTLS false
#else
#define SIGNED_ATTESTER_DTLS true
#endif
#ifdef WITHOUT_PEER_DTLS
#define SIGNED_PEER_DTLS false
#else
#define SIGNED_PEER_DTLS true
#endif
#ifdef WITHOUT_HELLOS
#define SIGNED_HELLOS false
#else
#define SIGNED_HELLOS true
#endif
#ifdef WITHOUT_EVIDENCE_BODY
#define SIGNED_EVIDENCE_BODY false
#else
#define SIGNED_EVIDENCE_BODY true
#endif

/* ---- Properties; a run may leave some out (CHECKED is a sum of these) --------------------------------------------- */

#define CHANNEL 1    /* Evidence was made at the other end of this channel: no relay */
#define KEYS 2       /* both sides mean the same two identity keys */
#define MEDIA 4      /* both sides mean the same two DTLS certificates: no splicing */
#define ROLES 8      /* one is the caller, the other the callee: no reflection */
#define TERMS 16     /* nothing of either Hello was changed that stands in no other element: no downgrade */
#define SESSION 32   /* the attester made it in the session whose nonce the verifier holds */
#define FRESH 64     /* made for this verifier's nonce and for this round: no replay, nothing stale */
#define GENUINE 128  /* made as a quote for a call, and its body is what the attester put there */
#define VERDICTS 256 /* a Verdict counts only if the peer's enclave accepted our Evidence of that round */
#ifndef CHECKED
#define CHECKED 511
#endif

/* ---- Names -------------------------------------------------------------------------------------------------------- */

/* Sessions of genuine enclaves. Mallory's phone is genuine too; her host is the attacker. */
#define ALICE 0
#define BOB 1
#define MALLORYS 2
#define ALICE_2 3
#define BOB_2 4
#ifndef PHONES
#define PHONES 3
#endif
#define MALLORY 6 /* as the other end of a channel: the attacker */
#define NOBODY 7

/* Identity keys. The AK of a phone has certified (TPM2_Certify) its own; Mallory's phone has two, under one name.
 * KEY_X has a certificate of the same authority and no TPM; it is for whatever name suits the attacker, as the second phone
 * of the person that she wants to be. */
#define KEY_ALICE 1
#define KEY_BOB 2
#define KEY_MALLORY 3
#define KEY_MALLORY_2 4
#define KEY_X 5
#define KEYS_END 6

#define alices(i) ((i) == ALICE || (i) == ALICE_2)
#define bobs(i) ((i) == BOB || (i) == BOB_2)
#define identity(i) (alices(i) -> KEY_ALICE : (bobs(i) -> KEY_BOB : KEY_MALLORY))
#define certified_by_ak_of(i, key) ((key) == identity(i) || ((i) == MALLORYS && (key) == KEY_MALLORY_2))
#define same_name(x, y) ((x) == (y) || (x) == KEY_X || (y) == KEY_X || ((x) >= KEY_MALLORY && (y) >= KEY_MALLORY))

#ifdef KEYS_SAFE
#define mallory_signs_with(key) ((key) >= KEY_MALLORY)
#else
#define mallory_signs_with(key) ((key) >= KEY_ALICE)
#endif

#define CHOSEN_LATER 15 /* PHONES: Mallory's own */

/* Frames that a session has sent (FrameType): each at most once, so a bit says it. */
#define hello 1
#define evidence_0 2
#define verdict_0 4
#define reattest 8
#define evidence_1 16
#define verdict_1 32
#define evidence(in_round) ((in_round) == 0 -> evidence_0 : evidence_1)
#define verdict(in_round) ((in_round) == 0 -> verdict_0 : verdict_1)

mtype:role_t = { caller, callee };
mtype:state_t = { idle, awaiting_hello, awaiting_evidence, awaiting_verdict, decided };

typedef Session {
    mtype:role_t role;
    mtype:state_t state;
    byte link;         /* who is at the other end of the channel: the session does not know it */
    byte peer;         /* the identity key that TLS showed */
    byte sent;         /* frames */
    byte hello_nonce;  /* the peer's Hello: the session whose nonce came (each has one, fresh) */
    byte hello_dtls;   /* the session whose dtls_fingerprint came (each has one, fresh) */
    byte hello_terms;  /* version, dialled_uri, label, evidence_offered, evidence_required: TERMS_SENT or CHOSEN_LATER */
    byte could_be;     /* nonces that Mallory knew when she sent that Hello: one bit each */
    bool accepted[2];  /* the peer's Evidence of that round */
    bool believed[2];  /* the peer's Verdict of that round */
};
Session s[PHONES];
#define TERMS_SENT 0

byte taken = NOBODY;   /* this session's platform turned bad after round 0: Mallory has its end of the channel */

#ifdef AK_ORACLE
byte premade = NOBODY; /* for this verifier a quote of round 1 was made before it asked */
#endif

/* ---- What Mallory has --------------------------------------------------------------------------------------------- */

#define hers(far_end) ((far_end) == MALLORY || ((far_end) == taken && taken != NOBODY))
#define knows(i, frame) ((s[i].sent & (frame)) && (hers(s[i].link) || taken == (i)))

/* ---- Checks (attestation/checks.cpp) ------------------------------------------------------------------------------ */

/* RFC 9266: a function of both ephemeral shares and the server's certificate, so one for each channel. */
#define channel_binding(i) (s[i].link < PHONES -> ((i) < s[i].link -> (i) : s[i].link) : 16 + (i))

/* What came in i's Hello is, or can still become, what session j sent. */
#define nonce_is(i, j) (s[i].hello_nonce == (j) || \
    (s[i].hello_nonce == CHOSEN_LATER && (i) != (j) && (s[i].could_be & (1 << (j)))))
#define dtls_is(i, j) (s[i].hello_dtls == (j) || s[i].hello_dtls == CHOSEN_LATER)

/* The hash of both Hellos covers these elements too. */
#define SIGNS_ROLE (SIGNED_ROLE || SIGNED_HELLOS)
#define SIGNS_VERIFIER_NONCE (SIGNED_VERIFIER_NONCE || SIGNED_HELLOS)
#define SIGNS_ATTESTER_NONCE (SIGNED_ATTESTER_NONCE || SIGNED_HELLOS)
#define SIGNS_ATTESTER_DTLS (SIGNED_ATTESTER_DTLS || SIGNED_HELLOS)
#define SIGNS_PEER_DTLS (SIGNED_PEER_DTLS || SIGNED_HELLOS)
#define same_names_in_hellos(m, v) (same_name(identity(m), s[v].peer) && same_name(s[m].peer, identity(v)))

/* quote_qualifying_data: the array that the enclave of m signed in round `made` is the one that v expects in `in_round`. */
#define array_equal(m, made, v, in_round) ( \
    (!SIGNS_ROLE || s[m].role != s[v].role) && \
    (!SIGNED_ROUND || (made) == (in_round)) && \
    (!SIGNED_CHANNEL_BINDING || channel_binding(m) == channel_binding(v)) && \
    (!SIGNS_VERIFIER_NONCE || nonce_is(m, v)) && \
    (!SIGNS_ATTESTER_NONCE || nonce_is(v, m)) && \
    (!SIGNED_ATTESTER_TLS_SPKI || identity(m) == s[v].peer) && \
    (!SIGNED_PEER_TLS_SPKI || s[m].peer == identity(v)) && \
    (!SIGNS_ATTESTER_DTLS || dtls_is(v, m)) && \
    (!SIGNS_PEER_DTLS || dtls_is(m, v)) && \
    (!SIGNED_HELLOS || same_names_in_hellos(m, v)))

/* EvidenceBody: its round must be this one, and its Certify must be of the TLS peer's key by the AK that quoted. Mallory can put
 * any such body beside a quote that does not sign it: `certificate` 1 is another certificate of the same AK. */
#define body_genuine(m, made, v, in_round, certificate) \
    ((made) == (in_round) && identity(m) == s[v].peer && (certificate) == 0)
#define check_evidence(m, made, v, in_round, certificate) ( \
    array_equal(m, made, v, in_round) && certified_by_ak_of(m, s[v].peer) && \
    (!SIGNED_EVIDENCE_BODY || body_genuine(m, made, v, in_round, certificate)))

#define expects_evidence(v, in_round) ( \
    ((in_round) == 0 && s[v].state == awaiting_evidence) || \
    ((in_round) == 1 && s[v].state == decided && (s[v].sent & reattest) && !s[v].accepted[1]))
#define expects_verdict(v, in_round) ( \
    ((in_round) == 0 && s[v].state == awaiting_verdict) || \
    ((in_round) == 1 && (s[v].sent & evidence_1) && !s[v].believed[1]))

inline property(which, holds) {
    if
    :: (CHECKED & which) && !(holds) -> printf("VIOLATED|%d|%d\n", which, v); assert(false)
    :: else
    fi
}

/* ---- Handlers of a session (enclave/session_attest.cpp) ----------------------------------------------------------- */

inline channel_opened(me, far_end, shown) {
    s[me].link = far_end;
    s[me].peer = shown;
    s[me].state = awaiting_hello;
    if
    :: s[me].role == callee -> s[me].sent = hello
    :: else
    fi
}

/* The caller's Hello travels with its Evidence. */
inline on_hello(me, nonce, dtls_fingerprint, terms) {
    s[me].hello_nonce = nonce;
    s[me].hello_dtls = dtls_fingerprint;
    s[me].hello_terms = terms;
    s[me].state = awaiting_evidence;
    if
    :: s[me].role == caller -> s[me].sent = s[me].sent | hello | evidence_0
    :: else
    fi
}

/* The nonces that Mallory knows when she sends `me` a Hello. */
#define note_nonce(me, j) s[me].could_be = s[me].could_be | (knows(j, hello) -> 1 << (j) : 0)
inline note_nonces(me) {
    note_nonce(me, 0); note_nonce(me, 1);
#if PHONES > 2
    note_nonce(me, 2);
#endif
#if PHONES > 3
    note_nonce(me, 3);
#endif
#if PHONES > 4
    note_nonce(me, 4);
#endif
}

/* me takes what the enclave of session `maker` quoted in round `made` as Evidence of `in_round`. First what Mallory left
 * open is fixed as the signature wants it. */
inline on_evidence(me, maker, made, in_round, certificate) {
    if
    :: SIGNS_VERIFIER_NONCE && s[maker].hello_nonce == CHOSEN_LATER ->
        s[maker].hello_nonce = me;
        printf("NONCE|%d|%d\n", maker, me)
    :: else
    fi;
    if
    :: SIGNS_ATTESTER_NONCE && s[me].hello_nonce == CHOSEN_LATER ->
        s[me].hello_nonce = maker;
        printf("NONCE|%d|%d\n", me, maker)
    :: else
    fi;
    if
    :: SIGNS_ATTESTER_DTLS && s[me].hello_dtls == CHOSEN_LATER ->
        s[me].hello_dtls = maker;
        printf("DTLS|%d|%d\n", me, maker)
    :: else
    fi;
    if
    :: SIGNS_PEER_DTLS && s[maker].hello_dtls == CHOSEN_LATER ->
        s[maker].hello_dtls = me;
        printf("DTLS|%d|%d\n", maker, me)
    :: else
    fi;
    if
    :: SIGNED_HELLOS ->
        if
        :: s[me].hello_terms == CHOSEN_LATER -> printf("TERMS|%d\n", me)
        :: else
        fi;
        if
        :: s[maker].hello_terms == CHOSEN_LATER -> printf("TERMS|%d\n", maker)
        :: else
        fi;
        s[me].hello_terms = TERMS_SENT;
        s[maker].hello_terms = TERMS_SENT
    :: else
    fi;
    property(CHANNEL, s[me].link == maker && s[maker].link == me);
    property(KEYS, s[me].peer == identity(maker) && s[maker].peer == identity(me));
    property(MEDIA, s[me].hello_dtls == maker && s[maker].hello_dtls == me);
    property(ROLES, s[me].role != s[maker].role);
    property(TERMS, s[me].hello_terms == TERMS_SENT && s[maker].hello_terms == TERMS_SENT);
    property(SESSION, s[me].hello_nonce == maker);
    property(FRESH, s[maker].hello_nonce == me && made == in_round);
    property(GENUINE, body_genuine(maker, made, me, in_round, certificate));
    accepted_evidence(me, in_round)
}

inline accepted_evidence(me, in_round) {
    s[me].accepted[in_round] = true;
    if
    :: in_round == 0 && s[me].role == callee -> s[me].sent = s[me].sent | evidence_0 | verdict_0
    :: in_round == 1 -> s[me].sent = s[me].sent | verdict_1
    :: else
    fi;
    if
    :: in_round == 0 -> s[me].state = awaiting_verdict
    :: else
    fi
}

inline on_verdict(me, in_round) {
    property(VERDICTS, s[me].link == taken || (s[me].link < PHONES && s[s[me].link].accepted[in_round]));
    s[me].believed[in_round] = true;
    if
    :: in_round == 0 ->
        s[me].state = decided;
        if
        :: s[me].role == caller -> s[me].sent = s[me].sent | verdict_0
        :: else
        fi
    :: else
    fi
}

/* ---- The network -------------------------------------------------------------------------------------------------- */

/* Choices are made first and then looked at: an impossible one leads nowhere. */
#define pick(x, limit) x = 0; do :: x < (limit) - 1 -> x++ :: break od

/* What Mallory can carry from session m to session v, or make of what she got from m. */
#define from_peer(in_round) \
    s[v].link == m && taken != m && expects_evidence(v, in_round) && (s[m].sent & evidence(in_round)) && \
    check_evidence(m, in_round, v, in_round, 0)
#define from_mallory(made, in_round, certificate) \
    hers(s[v].link) && expects_evidence(v, in_round) && knows(m, evidence(made)) && \
    check_evidence(m, made, v, in_round, certificate)

inline evidence_from_peer(in_round) {
    printf("EVIDENCE|%d|%d|%d|%d|%d|%d\n", m, v, m, in_round, in_round, 0);
    on_evidence(v, m, in_round, in_round, 0)
}
inline evidence_from_mallory(made, in_round, certificate) {
    printf("EVIDENCE|%d|%d|%d|%d|%d|%d\n", MALLORY, v, m, made, in_round, certificate);
    on_evidence(v, m, made, in_round, certificate)
}

proctype Path(byte m; byte v) {
end:
    do
    /* Hello of the other enclave, as it was sent. */
    :: d_step {
        s[v].link == m && s[v].state == awaiting_hello && (s[m].sent & hello) && same_name(identity(m), s[v].peer) ->
        printf("HELLO|%d|%d\n", m, v);
        on_hello(v, m, m, TERMS_SENT)
    }
    /* Evidence of the other enclave, as it was sent. */
    :: d_step { from_peer(0) -> evidence_from_peer(0) }
    :: d_step { from_peer(1) -> evidence_from_peer(1) }
    /* Evidence that Mallory got from m in one round or the other, on a channel of hers. */
    :: d_step { from_mallory(0, 0, 0) -> evidence_from_mallory(0, 0, 0) }
    :: d_step { from_mallory(0, 0, 1) -> evidence_from_mallory(0, 0, 1) }
    :: d_step { from_mallory(0, 1, 0) -> evidence_from_mallory(0, 1, 0) }
    :: d_step { from_mallory(1, 0, 0) -> evidence_from_mallory(1, 0, 0) }
    :: d_step { from_mallory(1, 1, 0) -> evidence_from_mallory(1, 1, 0) }
    :: d_step { from_mallory(1, 1, 1) -> evidence_from_mallory(1, 1, 1) }
#ifdef WITHOUT_PURPOSE
    /* The AK is used for something else too (an inspection, an enrolment), and whoever asks there names the values. */
    :: d_step {
        hers(s[v].link) && expects_evidence(v, 0) && certified_by_ak_of(m, s[v].peer) ->
        printf("OTHER_USE|%d|%d|%d\n", m, v, 0);
        property(GENUINE, false);
        accepted_evidence(v, 0)
    }
#endif
    od
}

proctype Phone(byte v) {
#ifdef CHOSEN_AT_ONCE
    byte its_nonce, its_dtls, its_terms;
#endif
end:
    do
    /* Hello of Mallory, with a role and a name that pass. Own nonces are refused. */
#ifdef CHOSEN_AT_ONCE
    :: atomic {
        s[v].link == MALLORY && s[v].state == awaiting_hello ->
        pick(its_nonce, PHONES + 1); pick(its_dtls, PHONES + 1); pick(its_terms, 2);
        its_nonce == PHONES || (its_nonce != v && knows(its_nonce, hello));
        printf("HELLO|%d|%d\nNONCE|%d|%d\nDTLS|%d|%d\n", MALLORY, v, v, its_nonce, v, its_dtls);
        on_hello(v, its_nonce, its_dtls, its_terms);
        its_nonce = 0; its_dtls = 0; its_terms = 0
    }
#else
    :: d_step {
        s[v].link == MALLORY && s[v].state == awaiting_hello ->
        printf("HELLO|%d|%d\n", MALLORY, v);
        note_nonces(v);
        on_hello(v, CHOSEN_LATER, CHOSEN_LATER, CHOSEN_LATER)
    }
#endif
    :: d_step {
        expects_verdict(v, 0) && (hers(s[v].link) || (s[s[v].link].sent & verdict_0)) ->
        printf("VERDICT|%d|%d|%d\n", s[v].link, v, 0);
        on_verdict(v, 0)
    }
    :: d_step {
        expects_verdict(v, 1) && (hers(s[v].link) || (s[s[v].link].sent & verdict_1)) ->
        printf("VERDICT|%d|%d|%d\n", s[v].link, v, 1);
        on_verdict(v, 1)
    }
    /* Reattest: v asks for round 1. */
    :: d_step {
        s[v].state == decided && !(s[v].sent & reattest) && taken != v ->
        printf("REATTEST|%d|%d\n", v, s[v].link);
        s[v].sent = s[v].sent | reattest
    }
    /* v was asked, and quotes for round 1. */
    :: d_step {
        s[v].state == decided && !(s[v].sent & evidence_1) && taken != v &&
        (hers(s[v].link) || (s[s[v].link].sent & reattest)) ->
        printf("QUOTE|%d|%d\n", v, 1);
        s[v].sent = s[v].sent | evidence_1
    }
    /* The platform turns bad during the call: its PCRs no longer pass, and its end of the channel is Mallory's. */
    :: d_step {
        s[v].state == decided && taken == NOBODY ->
        printf("TAKEN|%d\n", v);
        taken = v
    }
#ifdef AK_ORACLE
    /* Programs beside Mallory's enclave use its AK (embedded mode): while the PCRs are good they quote whatever they like, but
     * not a nonce that they have not seen yet. */
#ifndef REATTEST_NONCE
    :: d_step {
        hers(s[v].link) && certified_by_ak_of(MALLORYS, s[v].peer) && s[v].state != awaiting_hello &&
        premade == NOBODY && !(s[v].sent & reattest) ->
        printf("PREMADE|%d\n", v);
        premade = v
    }
#endif
    :: d_step {
        hers(s[v].link) && certified_by_ak_of(MALLORYS, s[v].peer) && expects_evidence(v, 0) ->
        printf("ORACLE|%d|%d\n", v, 0);
        accepted_evidence(v, 0)
    }
    :: d_step {
        hers(s[v].link) && certified_by_ak_of(MALLORYS, s[v].peer) && expects_evidence(v, 1) ->
        printf("ORACLE|%d|%d\n", v, 1);
        property(FRESH, premade != v);
        accepted_evidence(v, 1)
    }
#endif
    od
}

/* What must be possible, lest a property hold because nothing happens: pan says once that a goal was reached, and tools/model
 * wants all of them in every complete search. They change nothing. */
c_decl {
    static void goal(int which) {
        static int seen;
        if (!(seen & 1 << which)) printf("GOAL|%d\n", which);
        seen |= 1 << which;
    }
}
#define talk(i, j) (s[i].link == j && s[j].link == i)
proctype Reached() {
end:
    do
    :: d_step { talk(ALICE, BOB) && s[ALICE].believed[0] && s[BOB].believed[0] -> c_code { goal(0); } }
        /* GOAL both accepted and believed */
    :: d_step { talk(ALICE, BOB) && s[ALICE].accepted[1] && s[BOB].believed[1] -> c_code { goal(1); } }
        /* GOAL Evidence of round 1 was accepted and said so */
    :: d_step { talk(ALICE, BOB) && s[ALICE].accepted[1] && s[ALICE].believed[1] -> c_code { goal(2); } }
        /* GOAL round 1, both attest */
    :: d_step { s[ALICE].link == MALLORY && knows(ALICE, evidence_0) -> c_code { goal(3); } }
        /* GOAL Mallory holds genuine Evidence */
    :: d_step { taken == BOB && talk(ALICE, BOB) && expects_evidence(ALICE, 1) -> c_code { goal(4); } }
        /* GOAL a taken phone is asked again */
    od
}

init {
    byte v, m, a;
    atomic {
        do
        :: v < PHONES ->
            if
            :: s[v].role = caller
            :: s[v].role = callee
            fi;
            s[v].link = NOBODY;
            s[v].state = idle;
            v++
        :: else -> break
        od;
        /* Who meets whom. When does not matter: a session that was opened early knows no more, and may stay silent. */
        v = 0;
        do
        :: v < PHONES && s[v].state != idle -> v++
        :: v < PHONES && s[v].state == idle ->
            /* Mallory ends it, under a certificate whose key she can use. Our own key as peer is refused. */
            pick(a, KEYS_END);
            identity(v) != a && mallory_signs_with(a);
            printf("OPEN|%d|%d|%d|%d\n", v, MALLORY, a, s[v].role == caller);
            channel_opened(v, MALLORY, a);
            a = 0; v++
        :: v < PHONES && s[v].state == idle ->
            /* Two enclaves. The caller is the TLS server: which client it sees is Mallory's choice, among the keys that she
             * can use. */
            pick(m, PHONES); pick(a, KEYS_END);
            m > v && s[m].state == idle && s[m].role != s[v].role && identity(v) != identity(m);
            if
            :: s[v].role == caller && identity(v) != a && (a == identity(m) || mallory_signs_with(a)) ->
                printf("OPEN|%d|%d|%d|%d\n", v, m, a, s[v].role == caller);
                channel_opened(v, m, a);
                channel_opened(m, v, identity(v))
            :: s[m].role == caller && identity(m) != a && (a == identity(v) || mallory_signs_with(a)) ->
                printf("OPEN|%d|%d|%d|%d\n", m, v, a, s[m].role == caller);
                channel_opened(m, v, a);
                channel_opened(v, m, identity(m))
            fi;
            a = 0; m = 0; v++
        :: v == PHONES -> break
        od;
        v = 0;
        do
        :: v < PHONES ->
            run Phone(v);
            m = 0;
            do
            :: m < PHONES -> run Path(m, v); m++
            :: else -> break
            od;
            v++
        :: else -> break
        od;
        run Reached();
        v = 0; m = 0
    }
}
