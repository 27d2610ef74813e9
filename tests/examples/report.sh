#!/bin/sh
# The report: one page that needs nothing else, whatever the tables hold.
. "$(dirname "$0")/expect.sh"

holds() { # FILE TEXT
    grep -qF -e "$2" "$1" || fail "expected '$2' in $1"
}

# Markup only: pictures are data.
alone() { # FILE
    ! grep -qE 'https?://|//[a-z]+\.[a-z]|<script|<link|<iframe|@import|url\(|srcset' "$1" ||
        fail "$1 refers to something else"
    ! grep -oE '(src|href)="[^"]{0,20}' "$1" | grep -qvE '^(src="data:image/|href="#)' ||
        fail "$1 refers to another file"
    for link in $(grep -oE 'href="#[a-z]+' "$1" | cut -d'#' -f2); do
        holds "$1" "<section id=\"$link\">"
    done
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || fail "$1 is not UTF-8"
    [ "$(head -1 "$1")" = '<!DOCTYPE html>' ] && [ "$(tail -1 "$1")" = '</html>' ] || fail "$1 is not whole"
}

flows="$data/flows.csv"
{ head -1 "$flows"; tail -n +2 "$flows" | awk -F, -v OFS=, '{$2 = 2 * $2; if (NR % 4 == 0) $4 = ""; print}'; } >doubled.csv

expect 0 evaluate --real "$flows" --generated doubled.csv --train "$flows" --rules default --json figures.json \
    --metrics marginals,joint,rules --report deep/report
there deep/report/report.html deep/report/report.json
same figures.json deep/report/report.json
page=deep/report/report.html
alone $page
holds $page '<code>doubled.csv</code>'
holds $page '<code>ks_mean</code>'
holds $page '<code>packets</code>: KS '
holds $page 'generated values are too large'
holds $page '<section id="rules">'
[ "$(ls deep/report)" = "$(printf 'report.html\nreport.json')" ] || fail "expected two files"

# A directory is used again; without a second sample there are no floors; tables that are the same.
expect 0 evaluate --real "$flows" --generated "$flows" --metrics marginals,joint --report deep/report
alone $page
holds $page 'None: no column, pair of columns or rule differs.'
holds $page 'there is no floor'
! grep -q '<section id="rules">' $page || fail "expected no rules"

# Rows that violate a rule are shown.
cat >rules.json <<'END'
{"format":"flowbd3-rules","version":1,"rules":[{"name":"<b>few","compare":{"left":"packets","at_most":10}}]}
END
expect 0 evaluate --real "$flows" --generated doubled.csv --rules rules.json --report deep/report
holds $page '&lt;b&gt;few'
holds $page 'rows that violate it'
holds $page '<td class="named">'

# Names and categories of any kind: markup, quotes, bytes that are no UTF-8.
printf '%s\n' "<script>alert(1)</script>,\"a\"\"b'c&d\",kind" >odd.csv
awk 'BEGIN {for (i = 0; i < 60; i++) printf "%d,%d,%s\n", i, i * i % 7, i % 3 ? "<img src=x onerror=y>" : "</style>"}' >>odd.csv
expect 0 evaluate --real odd.csv --generated odd.csv --report odd
alone odd/report.html
holds odd/report.html '&lt;script&gt;alert(1)&lt;/script&gt;'
holds odd/report.html 'a&quot;b&#39;c&amp;d'
! grep -q 'onerror=y>' odd/report.html || fail "expected no markup of a category"
sed 's/^59.*/59,3,</' odd.csv >odder.csv
cp odder.csv "x<y>&.csv"
expect 0 evaluate --real odd.csv --generated "x<y>&.csv" --report odd
alone odd/report.html
holds odd/report.html '<code>x&lt;y&gt;&amp;.csv</code>'

# A figure that is best near its floor says so.
head -2 "$flows" >first.csv
expect 0 evaluate --real "$flows" --generated first.csv --train "$flows" --metrics neighbours --report near
holds near/report.html ', best near it. '

# What cannot be drawn is left out: one row, no numbers, nothing at all.
printf 'a,b,c\n1,x,\n' >one.csv
expect 0 evaluate --real one.csv --generated one.csv --train one.csv --report one
alone one/report.html
printf 'a\nx\ny\n' >words.csv
expect 0 evaluate --real words.csv --generated words.csv --report words
alone words/report.html
! grep -qE '#(correlations|components|pairs|rules)"' words/report.html || fail "expected no link to what is not there"

# What cannot be written is one line, and leaves nothing.
: >file
refuse 1 "'file' is not a directory" evaluate --real "$flows" --generated "$flows" --report file
refuse 1 "the name of the output directory is empty" evaluate --real "$flows" --generated "$flows" --report ''
mkdir -p taken/report.html
refuse 1 "cannot write 'taken/report.html'" evaluate --real "$flows" --generated "$flows" --report taken
[ "$(ls taken)" = report.html ] || fail "expected nothing else in taken"
