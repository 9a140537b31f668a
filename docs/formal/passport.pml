/* A passport (EAR) in the attested channel, as the design has it (not built yet). The other organisation's verifier signs what it
 * saw of a phone; the phone shows that in place of Evidence.
 *
 * What it trusts: what attested_channel.pml shows. So the 32 bytes that the AK signs are one value here: "digest", one for each
 * channel of Alice and each round. Mallory knows every passport ever made, can use every identity key, and her own AK quotes
 * whatever she likes (embedded mode). The partner's verifier is honest; the verifier of Mallory's organisation says
 * what she wants.
 */

#ifdef WITHOUT_EAT_NONCE
#define CHECKED_EAT_NONCE false
#else
#define CHECKED_EAT_NONCE true
#endif
#ifdef WITHOUT_CNF
#define CHECKED_CNF false
#else
#define CHECKED_CNF true
#endif
#ifdef WITHOUT_EXP
#define CHECKED_EXP false
#else
#define CHECKED_EXP true
#endif
#ifdef WITHOUT_ISSUER
#define CHECKED_ISSUER false
#else
#define CHECKED_ISSUER true
#endif

#define CHANNEL 1 /* the phone that was seen is at the other end of this channel */
#define KEYS 2    /* the phone that was seen has the identity key that TLS showed */
#define FRESH 64  /* it was seen in this round, and at most one lifetime of a passport ago */
#define ISSUER 512 /* whoever vouches may vouch for this organisation */
#ifndef CHECKED
#define CHECKED 579
#endif

/* Phones, and their identity keys. Bob is of the partner's organisation, and so is Mallory's phone. */
mtype = { bob, mallory, partner, rogue };

/* A channel of Alice, and what its callee may show her. */
typedef Channel {
    mtype link; /* who is at the other end: bob or mallory */
    mtype peer; /* the identity key that TLS showed */
    byte round; /* that Alice has asked for; 2: done */
    bool quoted[2]; /* Bob's enclave has quoted in that round */
};
Channel alice[2];

/* Passports, by digest (2 * channel + round): made by the partner in epoch 0 or 1 with cnf Bob or Mallory. */
typedef Made {
    bool of_bob[2];
    bool of_mallory[2];
};
Made ear[4];
byte epoch = 0;        /* one step is the lifetime of a passport */
bool bob_bad = false;  /* Bob's platform no longer passes; his end of the channel is Mallory's */

#define pinned(by) ((by) == partner) /* for the partner's organisation, and no other */
#define accepted(c, digest, cnf, by, made) ( \
    (!CHECKED_EAT_NONCE || (digest) == 2 * (c) + alice[c].round) && \
    (!CHECKED_CNF || (cnf) == alice[c].peer) && \
    (!CHECKED_EXP || (made) == epoch) && \
    (!CHECKED_ISSUER || pinned(by)))

inline property(which, holds) {
    if
    :: (CHECKED & which) && !(holds) -> printf("VIOLATED|%d|0\n", which); assert(false)
    :: else
    fi
}

inline on_passport(c, digest, seen, by, made) {
    printf("SAY|%e -> alice (channel %d, key of %e): EAR{eat_nonce=digest of channel %d round %d, cnf=%e, iss=%e, epoch %d}, ",
           alice[c].link, c, alice[c].peer, digest / 2, digest % 2, seen, by, made);
    printf("taken for round %d in epoch %d|\n", alice[c].round, epoch);
    property(ISSUER, pinned(by));
    property(KEYS, seen == alice[c].peer);
    property(FRESH, digest % 2 == alice[c].round && made == epoch);
    property(CHANNEL, digest / 2 == c && alice[c].link == seen);
    alice[c].round++
}

/* What can be shown: by Bob what is his and asked for; by Mallory, at her end of a channel, all there is. */
#define hers(c) (alice[c].link == mallory || bob_bad)
#define bobs(c, digest, made) (ear[digest].of_bob[made] && (hers(c) || (digest) == 2 * (c) + alice[c].round))
#define mallorys(c, digest, made) (ear[digest].of_mallory[made] && hers(c))

proctype Alice(byte c; byte digest) {
end:
    do
    :: d_step { alice[c].round < 2 && bobs(c, digest, 0) && accepted(c, digest, bob, partner, 0) ->
        on_passport(c, digest, bob, partner, 0) }
    :: d_step { alice[c].round < 2 && bobs(c, digest, 1) && accepted(c, digest, bob, partner, 1) ->
        on_passport(c, digest, bob, partner, 1) }
    :: d_step { alice[c].round < 2 && mallorys(c, digest, 0) && accepted(c, digest, mallory, partner, 0) ->
        on_passport(c, digest, mallory, partner, 0) }
    :: d_step { alice[c].round < 2 && mallorys(c, digest, 1) && accepted(c, digest, mallory, partner, 1) ->
        on_passport(c, digest, mallory, partner, 1) }
    /* Mallory's own organisation says of any digest and key what she wants. */
    :: d_step { alice[c].round < 2 && hers(c) && accepted(c, digest, alice[c].peer, rogue, epoch) ->
        on_passport(c, digest, alice[c].peer, rogue, epoch) }
    /* The partner's verifier sees a quote. Bob's enclave quotes for its own channel, when asked, as long as it is good. Mallory's
     * AK quotes nothing in advance here: that is `reattest-premade`. */
    :: d_step { digest / 2 == c && alice[c].link == bob && digest % 2 == alice[c].round &&
                !bob_bad && !alice[c].quoted[digest % 2] ->
        printf("SAY|bob's AK quotes digest of channel %d round %d; the partner makes an EAR in epoch %d\n", c, digest % 2, epoch);
        alice[c].quoted[digest % 2] = true;
        ear[digest].of_bob[epoch] = true }
    :: d_step { digest / 2 == c && !ear[digest].of_mallory[epoch] && digest % 2 <= alice[c].round ->
        printf("SAY|mallory's AK quotes digest of channel %d round %d; the partner makes an EAR in epoch %d\n", c, digest % 2,
               epoch);
        ear[digest].of_mallory[epoch] = true }
    od
}

proctype Network() {
end:
    do
    :: d_step { epoch == 0 -> epoch = 1; printf("SAY|a lifetime of a passport goes by\n") }
    :: d_step { !bob_bad -> bob_bad = true; printf("SAY|bob is taken over: his AK no longer passes\n") }
    od
}

/* What must be possible, as in attested_channel.pml. */
c_decl {
    static void goal(int which) {
        static int seen;
        if (!(seen & 1 << which)) printf("GOAL|%d\n", which);
        seen |= 1 << which;
    }
}
proctype Reached() {
end:
    do
    :: d_step { alice[0].link == bob && alice[0].peer == bob && alice[0].round == 2 -> c_code { goal(0); } }
        /* GOAL Bob's passports are taken in both rounds */
    :: d_step { alice[0].link == mallory && alice[0].peer == bob && ear[2].of_bob[0] -> c_code { goal(1); } }
        /* GOAL Mallory holds a passport of Bob and his key */
    od
}

init {
    byte c, digest;
    atomic {
        do
        :: c < 2 ->
            if
            :: alice[c].link = bob; alice[c].peer = bob
            :: alice[c].link = mallory; alice[c].peer = bob
            :: alice[c].link = mallory; alice[c].peer = mallory
            fi;
            digest = 0;
            do
            :: digest < 4 -> run Alice(c, digest); digest++
            :: else -> break
            od;
            c++
        :: else -> break
        od;
        c = 0;
        digest = 0;
        run Network();
        run Reached()
    }
}
