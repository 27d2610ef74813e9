/* The rules that are known for usual columns of flows: which tables get which, and no others. */
#include "rules/rules.h"
#include "test_main.h"

static flowbd3_context *context;

static void setup(void) {
    ck_assert_int_eq(flowbd3_context_create(&context, NULL, NULL), FLOWBD3_OK);
}

static void teardown(void) {
    flowbd3_context_destroy(&context);
}

enum { MOST_RULES = 16 };

typedef struct export {
    const char *csv;
    const char *rules[MOST_RULES]; /* in order, NULL at the end */
}
export;

static const export exports[] = {
    {"Dur,Proto,Dir,Sport,Dport,State,TotPkts,TotBytes,SrcBytes,Label\n"
     "0.1,udp,->,1,53,CON,2,239,79,x\n0.1,tcp,->,1,80,FSPA_FSPA,4,400,200,x\n0.0,icmp,->,,0,ECO,1,60,60,x\n"
     "0.0,igmp,->,,,INT,1,60,60,x\n",
     {"Proto in {icmp}: Sport missing", "Proto in {igmp}: Sport missing", "Proto in {igmp}: Dport missing",
      "Proto in {tcp, udp}: Sport in [0, 65535] or missing",
      "Proto in {tcp, udp}: Dport in [0, 65535] or missing",
      "Proto not in {tcp}: State not in {like *_*} or missing", "TotPkts >= 1", "SrcBytes <= TotBytes",
      "TotBytes <= 65557 * TotPkts", "Proto in {tcp}: TotBytes >= 40 * TotPkts",
      "Proto in {udp}: TotBytes >= 28 * TotPkts", "Proto in {icmp}: TotBytes >= 28 * TotPkts", "Dur >= 0"}},
    {"id.orig_p,id.resp_p,proto,duration,orig_bytes,orig_pkts,orig_ip_bytes\n1,53,udp,0.1,9,1,37\n",
     {"proto in {udp}: id.orig_p in [0, 65535] or missing",
      "proto in {udp}: id.resp_p in [0, 65535] or missing", "orig_ip_bytes <= 65535 * orig_pkts",
      "proto in {udp}: orig_ip_bytes >= 28 * orig_pkts", "duration >= 0"}},
    {"td,sp,dp,pr,flg,ipkt,ibyt,opkt,obyt\n0.1,1,80,TCP,.AP.SF,2,80,2,90\n0.0,1,53,UDP,......,1,40,0,0\n",
     {"pr in {TCP, UDP}: sp in [0, 65535] or missing", "pr in {TCP, UDP}: dp in [0, 65535] or missing",
      "ibyt <= 65535 * ipkt", "pr in {TCP}: ibyt >= 40 * ipkt", "pr in {UDP}: ibyt >= 28 * ipkt",
      "obyt <= 65535 * opkt", "pr in {TCP}: obyt >= 40 * opkt", "pr in {UDP}: obyt >= 28 * opkt", "td >= 0",
      "ipkt = 1 and opkt = 0: td = 0 or missing", "pr not in {TCP}: flg in {......} or missing"}},
    {"PROTOCOL,TCP_FLAGS,L4_SRC_PORT,IN_PKTS,IN_BYTES,FLOW_DURATION_MILLISECONDS\n6,27,1,2,80,5\n",
     {"PROTOCOL in {6, 17, 33, 132}: L4_SRC_PORT in [0, 65535] or missing", "IN_BYTES <= 65535 * IN_PKTS",
      "PROTOCOL = 6: IN_BYTES >= 40 * IN_PKTS", "PROTOCOL = 17: IN_BYTES >= 28 * IN_PKTS",
      "PROTOCOL in {1, 58}: IN_BYTES >= 28 * IN_PKTS", "FLOW_DURATION_MILLISECONDS >= 0",
      "PROTOCOL in {<= 5, >= 7}: TCP_FLAGS = 0 or missing"}},
    {"srcport,dstport,prot,dPkts,dOctets\n1,2,6,1,40\n",
     {"prot in {6, 17, 33, 132}: srcport in [0, 65535] or missing",
      "prot in {6, 17, 33, 132}: dstport in [0, 65535] or missing", "dPkts >= 1", "dOctets <= 65535 * dPkts",
      "prot = 6: dOctets >= 40 * dPkts", "prot = 17: dOctets >= 28 * dPkts",
      "prot in {1, 58}: dOctets >= 28 * dPkts"}},
    {"sourceTransportPort,packetTotalCount,reversePacketTotalCount,octetTotalCount,flowDurationMilliseconds\n"
     "1,1,0,40,0\n",
     {"sourceTransportPort in [0, 65535] or missing", "flowDurationMilliseconds >= 0",
      "packetTotalCount = 1 and reversePacketTotalCount = 0: flowDurationMilliseconds = 0 or missing"}},
    {"packetDeltaCount,octetDeltaCount,flowDurationMilliseconds\n1,40,0\n",
     {"packetDeltaCount >= 1", "octetDeltaCount <= 65535 * packetDeltaCount", "flowDurationMilliseconds >= 0",
      "packetDeltaCount = 1: flowDurationMilliseconds = 0 or missing"}},
    {"spkts,dpkts,sbytes,dbytes,dur,rate\n1,1,60,60,0.1,2.5\n",
     {"sbytes <= 65557 * spkts", "dbytes <= 65557 * dpkts", "dur >= 0", "rate >= 0"}},
    {"Protocol, Flow Duration, Total Fwd Packets,Total Length of Fwd Packets,Flow Bytes/s,SYN Flag Count\n"
     "6,5,2,0,100,1\n",
     {"Total Length of Fwd Packets <= 65535 * Total Fwd Packets", "Flow Duration >= 0", "Flow Bytes/s >= 0",
      "Protocol in {<= 5, >= 7}: SYN Flag Count = 0 or missing"}},
    /* What bytes are of is not known. */
    {"duration,packets,bytes,protocol\n0.1,2,3,6\n",
     {"packets >= 1", "bytes <= 65557 * packets", "duration >= 0"}},
    {"duration,packets,bytes,bpp,proto\n0.1,2,90,45,TCP\n",
     {"packets >= 1", "bytes <= 65535 * packets", "proto in {TCP}: bytes >= 40 * packets", "duration >= 0",
      "packets = 1: duration = 0 or missing"}},
    /* Type and code of ICMP stand where the ports are, in one row. */
    {"Proto,Sport\nicmp,\nicmp,8\n", {NULL}},
    {"Proto,Sport\nicmp,\nICMP,\ntcp,0x50\n", {"Proto in {icmp, ICMP}: Sport missing"}},
    {"protocol,srcport\n6,80\n1,\n47,\n58,\n",
     {"protocol in {1, 58}: srcport missing", "protocol in {2, 47, 50, 51, 89, 103}: srcport missing",
      "protocol in {6, 17, 33, 132}: srcport in [0, 65535] or missing"}},
    {"x,y\n1,2\n", {NULL}},
};

START_TEST(rules_of_an_export) {
    const export *e = &exports[_i];
    flowbd3_table *table;
    flowbd3_rules *rules, *again;
    flowbd3_error err = {0};
    flowbd3_rule_result results[MOST_RULES];
    uint64_t any = 0;
    char *json;
    ck_assert_msg(flowbd3_table_parse_csv(&table, context, e->csv, strlen(e->csv), NULL, &err) == FLOWBD3_OK,
                  "%s", err.message);
    ck_assert_msg(flowbd3_rules_default(&rules, table, &err) == FLOWBD3_OK, "%s", err.message);
    for (size_t i = 0; i < MOST_RULES; i++) {
        const char *text = flowbd3_rules_text(rules, i);
        ck_assert_msg(text == NULL || e->rules[i] != NULL, "rule %zu: %s", i, text);
        ck_assert_msg(e->rules[i] == NULL || (text != NULL && strcmp(text, e->rules[i]) == 0),
                      "rule %zu: %s, expected %s", i, text != NULL ? text : "none", e->rules[i]);
        if (text == NULL)
            break;
    }
    ck_assert_int_eq(flowbd3_rules_check(rules, table, results, &any, &err), FLOWBD3_OK);
    ck_assert_uint_eq(any, 0);
    ck_assert_int_eq(flowbd3_rules_to_json(rules, &json, &err), FLOWBD3_OK);
    ck_assert_msg(flowbd3_rules_from_json(&again, context, json, strlen(json), &err) == FLOWBD3_OK, "%s",
                  err.message);
    ck_assert_uint_eq(flowbd3_rules_count(again), flowbd3_rules_count(rules));
    flowbd3_string_destroy(context, &json);
    flowbd3_rules_destroy(&rules);
    flowbd3_rules_destroy(&again);
    flowbd3_table_destroy(&table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rules_default");
    TCase *tests = tcase_create("rules_default");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, rules_of_an_export, 0, (int)FB3_COUNT(exports));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
