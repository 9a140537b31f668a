#include "config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "problem.h"
#include "temporary_dir.h"

namespace sealcall::cli {
namespace {

std::vector<ConfigProblem> problems(std::string_view text) {
    ConfigOutcome outcome = parse_config(text);
    const auto* found = std::get_if<std::vector<ConfigProblem>>(&outcome);
    return found ? *found : std::vector<ConfigProblem>{};
}
PhoneConfig config(std::string_view text) {
    ConfigOutcome outcome = parse_config(text);
    const auto* found = std::get_if<PhoneConfig>(&outcome);
    EXPECT_TRUE(found) << (found ? "" : std::get<std::vector<ConfigProblem>>(outcome).front().text);
    return found ? *found : PhoneConfig{};
}

TEST(Config, EmptyFileIsTheStrictDefaults) {
    const PhoneConfig c = config("");
    EXPECT_EQ(c.policy, policy::Policy{});
    EXPECT_EQ(c.measurement_pcr, 13);
    EXPECT_EQ(c.sip.listen, "127.0.0.1");
    EXPECT_EQ(c.audio.bitrate, 48000u);
}

TEST(Config, SaysWhoGetsAPassport) {
    const PhoneConfig c =
        config("[passport]\nauthority = \"https://enrol.example.com:7443\"\nto = [\"partner.example\"]\n");
    EXPECT_EQ(c.passport.authority, "https://enrol.example.com:7443");
    EXPECT_EQ(c.passport.to, std::vector<std::string>{"partner.example"});
    EXPECT_EQ(config("[passport]\nto = [\"*\"]\n").passport.to, std::vector<std::string>{"*"});
    EXPECT_TRUE(config("").passport.to.empty()) << "nobody, unless somebody says so";
    for (const char* wrong : {"authority = \"http://enrol.example.com\"", "authority = \"enrol.example.com\"",
                              "authority = \"https://a/b\"", "to = \"partner.example\"", "to = [\"sip:bob@a.example\"]",
                              "to = [\"*.example\"]", "to = [\"\"]"})
        EXPECT_EQ(problems(std::string("[passport]\n") + wrong + "\n").size(), 1u) << wrong;
    EXPECT_EQ(problems("[logs]\nshow_to = [\"*\"]\n").size(), 1u) << "logs are for named domains only";
}

TEST(Config, TakesEverySetting) {
    const PhoneConfig c = config(R"(
uri = "sip:alice@example.com"
[sip]
listen = "::1"
port = 5070
proxy = "sip:proxy.example.com:5061;transport=tls"
proxy_name = "proxy.example.com"
register = true
tls_certificate = "c.pem"
tls_key = "k.pem"
tls_ca = "a.pem"
[media]
address = "192.0.2.7"
dns_servers = ["192.0.2.1", "2001:db8::1"]
[audio]
input = "USB"
output = "Speaker"
bitrate = 24000
echo = false
[policy]
minimum = 1
lab = true
below_minimum = "warn"
ordinary_phones = "allow"
answer_automatically = true
early_candidates = true
on_worse = "hold"
recheck_seconds = 60
rekey_seconds = 600
[tpm]
kind = "swtpm"
measurement_pcr = 12
[ui]
colour = "off"
unicode = "on"
)");
    EXPECT_EQ(c.uri, "sip:alice@example.com");
    EXPECT_EQ(c.sip.port, 5070);
    EXPECT_TRUE(c.sip.register_);
    EXPECT_EQ(c.sip.tls_ca, "a.pem");
    EXPECT_EQ(c.dns_servers.size(), 2u);
    EXPECT_EQ(c.audio.output, "Speaker");
    EXPECT_FALSE(c.audio.echo_cancel);
    EXPECT_EQ(c.policy.minimum, rats::Level::known_device);
    EXPECT_TRUE(c.policy.lab_counts && c.policy.answer_automatically && c.policy.early_candidates);
    EXPECT_EQ(c.policy.on_worse, policy::OnWorse::hold);
    EXPECT_EQ(c.policy.recheck_seconds, 60);
    EXPECT_EQ(c.policy.rekey_seconds, 600);
    EXPECT_EQ(c.policy.below_minimum, policy::Action::warn);
    EXPECT_EQ(c.policy.ordinary_phones, policy::Action::allow);
    EXPECT_EQ(c.tpm, TpmChoice::swtpm);
    EXPECT_EQ(c.measurement_pcr, 12);
    EXPECT_EQ(c.colour, Switch::off);
    EXPECT_EQ(c.unicode, Switch::on);
}

TEST(Config, LevelNumbersAreTheOnesPeopleSee) {
    EXPECT_EQ(config("[policy]\nminimum = 0").policy.minimum, rats::Level::unverified);
    EXPECT_EQ(config("[policy]\nminimum = 4").policy.minimum, rats::Level::trusted_runtime);
    EXPECT_EQ(problems("[policy]\nminimum = 5").size(), 1u);
    EXPECT_EQ(problems("[policy]\nminimum = -1").size(), 1u) << "X must not be a minimum";
}

TEST(Config, RechecksEveryHalfMinuteToEveryHour) {
    for (const char* good : {"30", "300", "3600"})
        EXPECT_EQ(problems(std::string("[policy]\nrecheck_seconds = ") + good).size(), 0u) << good;
    for (const char* bad : {"0", "29", "3601", "-1", "\"5\"", "true"})
        EXPECT_EQ(problems(std::string("[policy]\nrecheck_seconds = ") + bad).size(), 1u) << bad;
    EXPECT_EQ(problems("[policy]\non_worse = \"ignore\"").size(), 1u) << "a level that falls is never ignored";
}

TEST(Config, NamesLineAndColumnAndWhatWasMeant) {
    const auto found = problems("uri = \"sip:alice@example.com\"\n[sip]\n  lissten = \"127.0.0.1\"\n");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].line, 3u);
    EXPECT_EQ(found[0].column, 3u);
    EXPECT_EQ(found[0].text, "There is no setting \"lissten\" in [sip]. Did you mean \"listen\"?");
}

TEST(Config, SuggestsTheSectionForAMisspeltOrMisplacedName) {
    EXPECT_EQ(problems("[polciy]\nminimum = 2").at(0).text, "There is no section \"polciy\". Did you mean \"policy\"?");
    EXPECT_EQ(problems("minimum = 2").at(0).text, "There is no setting \"minimum\". It belongs in [policy].");
    EXPECT_EQ(problems("sip = 5").size(), 1u);
    EXPECT_EQ(problems("[[sip]]\nport = 1").size(), 1u);
}

TEST(Config, FindsAllMistakesAtOnceInOrder) {
    const auto found =
        problems("[sip]\nport = 70000\nregister = \"yes\"\n[tpm]\nmeasurement_pcr = 16\nkind = \"chip\"\n");
    ASSERT_EQ(found.size(), 4u);
    for (size_t i = 1; i < found.size(); ++i) EXPECT_LT(found[i - 1].line, found[i].line);
    EXPECT_EQ(found[0].text, "[sip] port must be a number from 0 to 65535.");
    EXPECT_EQ(found[1].text, "[sip] register must be true or false.");
}

TEST(Config, RefusesPcrsThatCanBeResetOrBelongToOthers) {
    for (int pcr : {0, 7, 10, 15, 16, 17, 22, 23, 24, -1})
        EXPECT_EQ(problems("[tpm]\nmeasurement_pcr = " + std::to_string(pcr)).size(), 1u) << pcr;
    for (int pcr : {8, 9, 11, 12, 13, 14})
        EXPECT_EQ(problems("[tpm]\nmeasurement_pcr = " + std::to_string(pcr)).size(), 0u) << pcr;
}

TEST(Config, RefusesAddressesThatCouldEndAHeader) {
    for (const char* uri :
         {"sip:alice@example.com\\r\\nX: y", "sip:<a>@b", "sips:a@b", "sip:alice", "sip:@b", "sip:a@", "a@b"})
        EXPECT_EQ(problems(std::string("uri = \"") + uri + "\"").size(), 1u) << uri;
    EXPECT_EQ(problems("[sip]\nlisten = \"example.com\"").size(), 1u) << "names are not resolved here";
}

TEST(Config, SyntaxErrorsHaveAPlace) {
    const auto found = problems("[sip]\nport = = 5\n");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].line, 2u);
    EXPECT_NE(found[0].text.find("not TOML"), std::string::npos);
    const auto header = problems("[tpm]\nkind = \"swtpm\"\n[=ui]\nx = \"p\"\n");
    ASSERT_EQ(header.size(), 1u) << "an assertion of toml++ that text can break";
    EXPECT_EQ(header[0].line, 3u);
    const auto letter = problems("[sip]\nport = \xC3\xA9\n");
    ASSERT_EQ(letter.size(), 1u) << "undefined behaviour of toml++ at letters outside of strings";
    EXPECT_EQ(letter[0].line, 2u);
    EXPECT_EQ(letter[0].column, 8u);
    EXPECT_EQ(config("# caf\xC3\xA9 \\\n[audio]\ninput = \"M\xC3\xBCller \\\" \\u00e9\"\noutput = '\xC3\xA9\\'\n")
                  .audio.output,
              "\xC3\xA9\\");
    EXPECT_EQ(problems(std::string(kConfigMax + 1, '\n')).size(), 1u);
    EXPECT_EQ(problems(std::string(5000, '[')).size(), 1u) << "deep nesting is refused, not followed";
}

TEST(Config, ForeignNamesCannotCommandATerminal) {
    const auto found = problems("\"\\u001b[2J\" = 1");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].text.find('\x1b'), std::string::npos);
}

TEST(Config, TemplateIsValidAndKeepsWhatIsGiven) {
    EXPECT_EQ(config(config_template("", TpmChoice::automatic)).policy, policy::Policy{});
    const PhoneConfig c = config(config_template("sip:bob@example.com", TpmChoice::swtpm));
    EXPECT_EQ(c.uri, "sip:bob@example.com");
    EXPECT_EQ(c.tpm, TpmChoice::swtpm);
}

TEST(Config, EveryLineOfTheTemplateIsTheRealDefault) {
    std::string text, line;
    std::istringstream in(config_template("", TpmChoice::automatic));
    while (std::getline(in, line)) {
        const bool setting = line.starts_with("# ") && line.find(" = ") != std::string::npos;
        const bool example = line.find("uri = ") == 2 || line.find("proxy = ") == 2;
        text += (setting && !example ? line.substr(2) : line) + "\n";
    }
    const PhoneConfig c = config(text);
    EXPECT_EQ(c.policy, policy::Policy{});
    EXPECT_EQ(c.audio.bitrate, AudioConfig{}.bitrate);
    EXPECT_EQ(c.measurement_pcr, PhoneConfig{}.measurement_pcr);
}

TEST(Config, SettingTheAddressChangesNothingElse) {
    const std::string before = "# mine\nuri = \"sip:old@example.com\"\n[sip]\nport = 5070\n";
    const std::string after = with_uri(before, "sip:new@example.com");
    EXPECT_EQ(config(after).uri, "sip:new@example.com");
    EXPECT_EQ(config(after).sip.port, 5070);
    EXPECT_NE(after.find("# mine"), std::string::npos);
    EXPECT_EQ(config(with_uri("[sip]\nport = 1\n", "sip:a@b")).uri, "sip:a@b");
}

TEST(ConfigFile, MissingFileIsTheDefaults) {
    const test::TemporaryDir dir;
    EXPECT_EQ(load_config(dir / "config.toml").policy, policy::Policy{});
}

TEST(Config, SaysThatTheAccountIsInTheVaultNow) {
    for (const char* key : {"username", "password", "password_file", "realm"}) {
        const auto outcome = parse_config(std::string("[sip]\n") + key + " = \"x\"\n");
        const auto* problems = std::get_if<std::vector<ConfigProblem>>(&outcome);
        ASSERT_TRUE(problems) << key;
        EXPECT_NE((*problems)[0].text.find("sealcall vault login"), std::string::npos) << (*problems)[0].text;
    }
}

TEST(Config, LocksNeverAndRefusesDowngradesUnlessToldOtherwise) {
    EXPECT_EQ(config("").lock_after_minutes, 0);
    EXPECT_EQ(config("").policy.downgrade, policy::Action::refuse);
    const PhoneConfig c = config("[security]\nlock_after_minutes = 5\n[policy]\ndowngrade = \"pin\"\n");
    EXPECT_EQ(c.lock_after_minutes, 5);
    EXPECT_EQ(c.policy.downgrade, policy::Action::pin);
}

TEST(ConfigFile, SaysFileLineAndColumnOfEveryMistake) {
    const test::TemporaryDir dir;
    test::put(dir / "config.toml", "\n\nurl = \"sip:a@b\"\n");
    try {
        load_config(dir / "config.toml");
        FAIL();
    } catch (const Problem& problem) {
        EXPECT_NE(
            std::string(problem.what()).find("config.toml:3:1: There is no setting \"url\". Did you mean \"uri\"?"),
            std::string::npos)
            << problem.what();
        EXPECT_EQ(problem.status(), exit_status::kUsage);
    }
}

}  // namespace
}  // namespace sealcall::cli
