// SPDX-License-Identifier: MIT
#include "parse/fpm_pool.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gatemend::parse {
namespace {

using core::ConfigTest;
using core::ConfigVerdict;

const std::string kFile = "/etc/php/8.2/fpm/pool.d/www.conf";

std::string listen_of(const std::string& value) {
    const FpmConfig config = parse_fpm_config("[www]\nlisten = " + value + "\n", kFile);
    return config.pools.empty() ? "" : config.pools[0].listen;
}

TEST(FpmPool, ReadsADebianPool) {
    const FpmConfig config = parse_fpm_config(
        "; Start a new pool named 'www'.\n[www]\n\nuser = www-data\n;listen = 9000\n"
        "listen = /run/php/php8.2-fpm.sock\nlisten.owner = www-data\npm = dynamic\n",
        kFile);
    ASSERT_EQ(config.pools.size(), 1U);
    EXPECT_EQ(config.pools[0].name, "www");
    EXPECT_EQ(config.pools[0].listen, "unix:/run/php/php8.2-fpm.sock");
    EXPECT_EQ(config.pools[0].where, kFile + ":6");
    EXPECT_TRUE(config.skipped.empty());
}

TEST(FpmPool, MakesListenAddressesCanonical) {
    EXPECT_EQ(listen_of("9000"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("127.0.0.1:9000"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("*:9000"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("0.0.0.0:9000"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("[::]:9000"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("[::1]:9000"), "[::1]:9000");
    EXPECT_EQ(listen_of("::1:9000"), "[::1]:9000");
    EXPECT_EQ(listen_of("localhost:9000"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("10.0.0.5:9000"), "10.0.0.5:9000");
    for (const char* skipped : {"run/php.sock",
                                "php.example:9000",
                                "70000",
                                "0",
                                "127.0.0.1:",
                                "127.0.0.1:99999",
                                "${LISTEN}",
                                "/run/${X}.sock",
                                "",
                                "\"/run/x"}) {
        EXPECT_EQ(listen_of(skipped), "") << skipped;
    }
    EXPECT_EQ(listen_of("/" + std::string(200, 'x')), "");
    EXPECT_EQ(parse_fpm_config("[w]\nlisten = run/x\n", kFile).skipped.size(), 1U);
}

TEST(FpmPool, FollowsTheIniGrammar) {
    EXPECT_EQ(listen_of("9000 ; comment"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("\"9000\""), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("'9000'"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("9000\r"), "127.0.0.1:9000");
    EXPECT_EQ(listen_of("\"/run/a;b.sock\""), "unix:/run/a;b.sock");
    EXPECT_EQ(listen_of("/run/php/$pool.sock"), "unix:/run/php/www.sock");
    EXPECT_EQ(listen_of("/run/$pool/$pool.sock"), "unix:/run/www/www.sock");
    const FpmConfig config = parse_fpm_config(
        "\xEF\xBB\xBF[www]\nLISTEN = 1\n[b]\nlisten=2\n[global]\nerror_log = /var/log/fpm.log\n"
        "include=/etc/php/8.2/fpm/pool.d/*.conf\nlisten = 3\n[WWW]\n\tlisten\t=\t4",
        kFile);
    ASSERT_EQ(config.pools.size(), 2U);
    EXPECT_EQ(config.pools[0].listen, "127.0.0.1:4") << "the last one wins";
    EXPECT_EQ(config.pools[0].where, kFile + ":10");
    EXPECT_EQ(config.pools[1].listen, "127.0.0.1:2");
    EXPECT_EQ(config.error_log, "/var/log/fpm.log");
    EXPECT_EQ(config.includes, std::vector<std::string>{"/etc/php/8.2/fpm/pool.d/*.conf"});
}

std::string value_of(const FpmPool& pool, FpmSetting setting) {
    return pool.settings.of(setting).value;
}

TEST(FpmPool, KnowsItsLimitsAndWhereTheyStand) {
    const FpmConfig config = parse_fpm_config(
        "[global]\nprocess.max = 128\nprocess_control_timeout = 10s\n[www]\nuser = www-data\n"
        "group = www-data\nlisten = /run/php/php8.2-fpm.sock\nlisten.owner = www-data\n"
        "listen.mode = 0600\npm = dynamic\npm.max_children = 5\npm.max_children = 50 ; raised\n"
        "slowlog = /var/log/$pool.log.slow\nrequest_terminate_timeout = 30s\n"
        "php_admin_value[memory_limit] = 256M\nphp_value[memory_limit] = 64M\n"
        "php_value[max_execution_time] = 60\nlisten.acl_users = apache,nginx\n",
        kFile);
    ASSERT_EQ(config.pools.size(), 1U);
    const FpmPool& pool = config.pools[0];
    EXPECT_EQ(value_of(pool, FpmSetting::kPm), "dynamic");
    EXPECT_EQ(value_of(pool, FpmSetting::kMaxChildren), "50");
    EXPECT_EQ(pool.settings.of(FpmSetting::kMaxChildren).where, kFile + ":12");
    EXPECT_EQ(value_of(pool, FpmSetting::kSlowlog), "/var/log/www.log.slow");
    EXPECT_EQ(value_of(pool, FpmSetting::kListenMode), "0600");
    EXPECT_EQ(value_of(pool, FpmSetting::kListenAclUsers), "apache,nginx");
    EXPECT_EQ(value_of(pool, FpmSetting::kPhpMemoryLimit), "256M");
    EXPECT_EQ(value_of(pool, FpmSetting::kPhpMaxExecutionTime), "60");
    EXPECT_TRUE(pool.settings.of(FpmSetting::kMaxRequests).is_default());
    EXPECT_EQ(value_of(pool, FpmSetting::kMaxRequests), "0");
    EXPECT_EQ(value_of(pool, FpmSetting::kStartServers), "");
    EXPECT_EQ(config.global.process_max.value, "128");
    EXPECT_EQ(config.global.process_control_timeout.where, kFile + ":3");
    EXPECT_TRUE(config.global.emergency_restart_interval.is_default());
}

TEST(FpmPool, ReadsWhatFpmSaysOfItself) {
    std::string output;
    for (const char* text :
         {"[global]",
          "\tpid = /run/php/php8.2-fpm.pid",
          "\terror_log = /var/log/php8.2-fpm.log",
          "\tprocess.max = 0",
          "\trlimit_files = 0",
          " ",
          "[www]",
          "\tprefix = undefined",
          "\tuser = www-data",
          "\tlisten = /run/php/php8.2-fpm.sock",
          "\tlisten.backlog = 511",
          "\tlisten.acl_users = undefined",
          "\tpm = dynamic",
          "\tpm.max_children = 5",
          "\tslowlog = undefined",
          "\tphp_admin_value[error_log] = /var/log/a = b; c.log",
          "configuration file /etc/php/8.2/fpm/php-fpm.conf test is successful"}) {
        output.append("[21-Nov-2026 14:29:57] NOTICE: ").append(text).append("\n");
    }
    const FpmConfig config = parse_fpm_dump(output);
    ASSERT_EQ(config.pools.size(), 1U);
    const FpmPool& pool = config.pools[0];
    EXPECT_EQ(pool.name, "www");
    EXPECT_EQ(pool.listen, "unix:/run/php/php8.2-fpm.sock");
    EXPECT_EQ(pool.where, "php-fpm -tt");
    EXPECT_EQ(config.error_log, "/var/log/php8.2-fpm.log");
    EXPECT_EQ(value_of(pool, FpmSetting::kMaxChildren), "5");
    EXPECT_EQ(value_of(pool, FpmSetting::kListenBacklog), "511");
    EXPECT_EQ(value_of(pool, FpmSetting::kSlowlog), "");
    EXPECT_TRUE(pool.settings.of(FpmSetting::kListenAclUsers).is_default());
    EXPECT_EQ(value_of(pool, FpmSetting::kPhpErrorLog), "/var/log/a = b; c.log");
    EXPECT_TRUE(parse_fpm_dump("").pools.empty());
}

TEST(FpmSettings, AreFoundByTheirNames) {
    for (std::size_t i = 0; i < kFpmSettingCount; ++i) {
        const auto setting = static_cast<FpmSetting>(i);
        EXPECT_EQ(fpm_setting_from_id(fpm_setting_id(setting)), setting);
    }
    EXPECT_FALSE(fpm_setting_from_id("pm.max_childern"));
}

TEST(FpmPool, SurvivesAnything) {
    const std::string text = "[a]\nlisten = \"$pool\\\"\n[\n]\n=\nlisten\n[]\nlisten=[\n";
    for (std::size_t size = 0; size < text.size(); ++size) {
        (void)parse_fpm_config(text.substr(0, size), kFile);
    }
    (void)parse_fpm_config("[$pool]\nlisten = " + std::string(4000, '$') + "pool$pool$pool", kFile);
    (void)parse_fpm_config(std::string(2U << 20U, '['), kFile);
}

void expect_invalid(const std::string& output,
                    const std::string& file,
                    int line,
                    const std::string& message) {
    const ConfigTest test = parse_config_test("invalid", "f1", output);
    EXPECT_EQ(test.verdict, ConfigVerdict::kInvalid) << output;
    EXPECT_EQ(test.fingerprint, "f1");
    EXPECT_EQ(test.file, file);
    EXPECT_EQ(test.line, line);
    EXPECT_EQ(test.message, message);
}

TEST(ConfigTestOutput, FindsFileAndLineOfAnFpmError) {
    expect_invalid(
        "[21-Nov-2026 14:29:57] ERROR: [/etc/php/8.2/fpm/pool.d/www.conf:12] unknown entry "
        "'pm.max_childern'\n"
        "[21-Nov-2026 14:29:57] ERROR: Unable to include /etc/php/8.2/fpm/pool.d/www.conf from "
        "/etc/php/8.2/fpm/php-fpm.conf at line 12\n"
        "[21-Nov-2026 14:29:57] ERROR: failed to load configuration file "
        "'/etc/php/8.2/fpm/php-fpm.conf'\n"
        "[21-Nov-2026 14:29:57] ERROR: FPM initialization failed\n",
        kFile,
        12,
        "unknown entry 'pm.max_childern'");
}

TEST(ConfigTestOutput, FindsTheFileOfASyntaxErrorInTheNextLine) {
    expect_invalid(
        "PHP:  syntax error, unexpected '(' in Unknown on line 1\n"
        "[21-Nov-2026 14:29:57] ERROR: Unable to include /etc/php/8.2/fpm/pool.d/www.conf from "
        "/etc/php/8.2/fpm/php-fpm.conf at line 36\n"
        "[21-Nov-2026 14:29:57] ERROR: failed to load configuration file "
        "'/etc/php/8.2/fpm/php-fpm.conf'\n",
        kFile,
        36,
        "syntax error, unexpected '(' in Unknown on line 1");
    expect_invalid(
        "PHP:  syntax error, unexpected end of file in Unknown on line 1\n"
        "[21-Nov-2026 14:29:57] ERROR: failed to load configuration file "
        "'/etc/php/8.2/fpm/php-fpm.conf'\n",
        "/etc/php/8.2/fpm/php-fpm.conf",
        0,
        "syntax error, unexpected end of file in Unknown on line 1");
}

TEST(ConfigTestOutput, FindsAnFpmAlertWithoutAPlace) {
    expect_invalid(
        "[21-Nov-2026 14:29:57] WARNING: Nothing matches the include pattern '/x' from /y at line "
        "1.\n[21-Nov-2026 14:29:57] ALERT: [pool www] user has not been defined\n"
        "[21-Nov-2026 14:29:57] ERROR: failed to post process the configuration\n",
        "",
        0,
        "[pool www] user has not been defined");
}

TEST(ConfigTestOutput, FindsAnNginxErrorInBothForms) {
    expect_invalid(
        "nginx: [warn] conflicting server name \"a\" on 0.0.0.0:80, ignored\n"
        "nginx: [emerg] unknown directive \"lisen\" in /etc/nginx/sites-enabled/default:3\n"
        "nginx: configuration file /etc/nginx/nginx.conf test failed\n",
        "/etc/nginx/sites-enabled/default",
        3,
        "unknown directive \"lisen\"");
    expect_invalid(
        "2026/11/21 14:33:28 [emerg] 77#77: unexpected end of file, expecting \"}\" in "
        "/etc/nginx/nginx.conf:84\nnginx: configuration file /etc/nginx/nginx.conf test failed\n",
        "/etc/nginx/nginx.conf",
        84,
        "unexpected end of file, expecting \"}\"");
    expect_invalid(
        "nginx: [emerg] \"user\" directive is duplicate in /x.conf:1\n"
        "nginx: [emerg] second in /y.conf:2\n",
        "/x.conf",
        1,
        "\"user\" directive is duplicate");
    expect_invalid("nginx: [emerg] no \"events\" section in configuration\n",
                   "",
                   0,
                   "no \"events\" section in configuration");
}

TEST(ConfigTestOutput, NeverCallsATestThatCouldNotRunABrokenConfiguration) {
    for (const std::string output :
         {"[21-Nov-2026 14:29:57] ERROR: failed to open error_log (/var/log/php8.2-fpm.log): "
          "Permission denied (13)\n[21-Nov-2026 14:29:57] ERROR: failed to post process the "
          "configuration\n",
          "[21-Nov-2026 14:29:57] ERROR: failed to open error_log (/x): Read-only file system "
          "(30)\n",
          "nginx: [emerg] open() \"/run/nginx.pid\" failed (13: Permission denied)\n",
          "nginx: [emerg] mkdir() \"/var/lib/nginx/body\" failed (30: Read-only file system)\n",
          "nginx: [emerg] open() \"/var/log/x\" failed (28: No space left on device)\n",
          "nginx: [emerg] cannot load certificate key \"/k\": BIO_new_file() failed (SSL: "
          "error:8000000D:system library::Permission denied:calling fopen(/k, r))\n",
          "Failed to execute: No such file or directory\n",
          "",
          "\n\n",
          "[21-Nov-2026 14:29:57] ERROR: FPM initialization failed\n"}) {
        const ConfigTest test = parse_config_test("invalid", "", output);
        EXPECT_EQ(test.verdict, ConfigVerdict::kUnknown) << output;
        EXPECT_FALSE(test.message.empty());
        EXPECT_EQ(test.file, "");
    }
}

TEST(ConfigTestOutput, KeepsTheVerdictOfTheExecutorOtherwise) {
    EXPECT_EQ(parse_config_test("valid", "f", "nginx: test is successful\n").verdict,
              ConfigVerdict::kValid);
    EXPECT_EQ(parse_config_test("valid", "f", "x").message, "");
    const ConfigTest unknown = parse_config_test("unknown", "f", "timed out\n");
    EXPECT_EQ(unknown.verdict, ConfigVerdict::kUnknown);
    EXPECT_EQ(unknown.message, "timed out");
    EXPECT_EQ(parse_config_test("garbage", "f", "x").verdict, ConfigVerdict::kUnknown);
    EXPECT_EQ(parse_config_test("unknown", "f", "nginx: [emerg] x in /y:1\n").verdict,
              ConfigVerdict::kUnknown);
}

TEST(ConfigTestOutput, APlaceWithoutWordsGetsSome) {
    const ConfigTest test =
        parse_config_test("invalid", "", "nginx: [emerg]  in /etc/nginx/nginx.conf:3\n");
    EXPECT_EQ(test.message, "the test failed without a word");
    EXPECT_EQ(test.file, "/etc/nginx/nginx.conf");
}

TEST(ConfigTestOutput, SanitizesTheToolsWords) {
    const ConfigTest test =
        parse_config_test("invalid", "", "nginx: [emerg] \x1b[2Jx in /a\x1b:3\n");
    EXPECT_EQ(test.message.find('\x1b'), std::string::npos);
    EXPECT_EQ(test.file.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace gatemend::parse
