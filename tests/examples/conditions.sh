#!/bin/sh
# Generating under conditions, and completing tables.
. "$(dirname "$0")/expect.sh"
flows=$data/protocols.csv
expect 0 train --data "$flows" --output-dir out $tiny --epochs 12 --no-plots
model=out/best.safetensors

rows() { # OPTION...
    expect 0 generate --model $model --output rows.csv --n-samples 60 "$@"
    lines rows.csv 61
}
all() { # CONDITION of awk, on every row
    awk -F, "NR > 1 && !($1) {print; exit 1}" rows.csv || fail "expected $1 in every row"
}
rows --given Proto=udp
all '$2 == "udp" && $4 == 53 && ($5 == "CON" || $5 == "INT")'
rows --given 'Dport in 80,443' --given 'Dur in [0.5,2]'
all '($4 == 80 || $4 == 443) && $1 >= 0.5 && $1 <= 2 && $2 == "tcp"'
rows --given 'TotPkts in [35,]' --given='State in "S_", SR_RA'
all '$6 >= 35 && ($5 == "S_" || $5 == "SR_RA")'
rows --given 'Dport missing'
all '$4 == "" && $2 == "icmp"'
rows --given 'Rate in [,10]'
all '$9 <= 10'
rows --given TotPkts=7 --threads 1
cp rows.csv one.csv
rows --given TotPkts=7 --threads 2 --batch-size 3
same one.csv rows.csv
# Sequences have conditions too.
expect 0 train --data "$data/sequences.csv" --output-dir sequences $tiny --epochs 1 --no-plots --group-by host \
    --order-by time --sequence-length 4
expect 0 generate --model sequences/best.safetensors --output rows.csv --n-samples 60 --given proto=udp
all '$3 == "udp" && $4 == 53'

# Rules, weights, attempts.
cat >rules.json <<'END'
{"format":"flowbd3-rules","version":1,
"rules":[{"name":"web","when":{"Proto":"tcp"},"then":{"Dport":[80,443]}},{"compare":{"left":"TotPkts","at_most":9}}]}
END
rows --rules rules.json
all '$6 <= 9 && ($2 != "tcp" || $4 == 80 || $4 == 443)'
rows --rules default
all '$7 <= 65557 * $6'
rows --weighted Proto --weight tcp=0 --weight icmp=0
all '$2 == "udp"'
rows --weighted=State
[ "$(tail -n +2 rows.csv | cut -d, -f5 | sort -u | wc -l)" -ge 4 ] || fail "expected most states"
rows --given Proto=udp --attempts 100

generate() { # STATUS TEXT OPTION...
    expected=$1 text=$2
    shift 2
    refuse "$expected" "$text" generate --model $model --output no.csv "$@"
    [ ! -e no.csv ] || fail "a failure left rows"
}
for condition in Proto 'Proto~udp' =udp Proto= ' missing' 'Proto in ' ''; do
    generate 2 "--given: '$condition' is not COLUMN=VALUE" --given "$condition"
done
generate 1 "condition 'Nope=1': expected a column of the model" --given Nope=1
generate 1 "condition 'Proto=sctp': the model knows no value 'sctp' of column 'Proto'" --given Proto=sctp
generate 1 "the model knows no value 'sctp' of column 'Proto'" --given 'Proto in tcp,sctp'
generate 1 "condition 'Dur in [100,200]': the model knows no such value of column 'Dur'" --given 'Dur in [100,200]'
generate 1 "condition 'TotPkts=41': the model knows no such value" --given TotPkts=41
generate 1 "condition 'Dur in [2,1]': expected [low,high] with low at most high" --given 'Dur in [2,1]'
generate 1 "condition 'Dur in [1,2': expected [low,high]" --given 'Dur in [1,2'
generate 1 "condition 'Dur=long': expected numbers" --given Dur=long
generate 1 "condition 'Dur missing': no cell of the column was missing" --given 'Dur missing'
generate 1 "(State=S_) beside the other rules" --given Proto=udp --given State=S_
generate 1 "(Proto=tcp) beside the other rules" --given Proto=udp --given Proto=tcp
generate 1 "beside the other rules" --given TotPkts=30 --rules rules.json
generate 1 "cannot open 'nowhere.json'" --rules nowhere.json
sed 's/TotPkts/Packets/' rules.json >missing.json
generate 1 "there is no column 'Packets'" --rules missing.json
head -c 60 rules.json >broken.json
generate 1 "'broken.json'" --rules broken.json
generate 2 "--weight: --weighted COLUMN is missing" --weight tcp=2
for weight in tcp tcp= =2 tcp=-1 tcp=x tcp=inf; do
    generate 2 "--weight: '$weight' is not VALUE=FACTOR" --weighted Proto --weight "$weight"
done
generate 1 "weighted: the model has no column 'Nope'" --weighted Nope
generate 1 "weighted: column 'Dur' is not one of categories" --weighted Dur
generate 1 "weights: the model knows no value 'sctp' of column 'Proto'" --weighted Proto --weight sctp=2
generate 2 "--attempts: '0' is not" --attempts 0

# ---- completing ----------------------------------------------------------------------------------

# The rows of the file; what it has is there byte for byte, also numbers of fewer digits than their column has and
# such as were never seen; what it has not is generated, and the whole row obeys.
awk -F, -v OFS=, 'NR == 1 {print $4, $1, $2, $5, $6, $7; next} NR > 120 {exit}
    {for (i = 1; i <= 7; i++) if ((NR * 7 + i * 5) % 11 < 6) $i = ""; if ($1 != "") $1 = int($1) % 7 + 0.5}
    {print $4, $1, $2, $5, $6, $7}' "$flows" >partial.csv
grep -q ',[0-9]\.[0-9],' partial.csv || fail "expected numbers of few digits"
keeps() { # PARTIAL COMPLETE: the cells of columns that both have
    [ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ] || fail "$2 has other rows than $1"
    awk -F, 'NR == FNR {for (i = 1; i <= NF; i++) {cell[FNR, i] = $i; if (FNR == 1) at[$i] = i} next}
        {for (i = 1; i <= NF; i++) {if (FNR == 1) from[i] = at[$i]
            if (from[i] && cell[FNR, from[i]] != "" && cell[FNR, from[i]] != $i) {print FNR ": " $0; exit 1}}}' \
        "$1" "$2" || fail "$2 does not keep the cells of $1"
}
complete() { # PARTIAL OPTION...
    partial=$1
    shift
    expect 0 generate --model $model --output rows.csv --complete "$partial" "$@"
    keeps "$partial" rows.csv
}
complete partial.csv
[ "$(head -1 rows.csv)" = "$(head -1 "$flows")" ] || fail "expected the columns of the model"
all '$1 != "" && $2 != "" && $5 != "" && $6 != "" && $8 != "" && $9 != ""'
all '($2 == "icmp") == ($3 == "") && ($2 == "udp") == ($4 == 53) && ($2 == "icmp") == ($4 == "")'
all '($9 - $6 / $1) ^ 2 < 1e-7'
cp rows.csv one.csv
complete partial.csv --n-samples 119 --threads 1 --batch-size 7
same one.csv rows.csv
refuse 2 "--n-samples: 'partial.csv' has 119 rows to complete" generate --model $model --output no.csv \
    --complete partial.csv --n-samples 118
# With conditions, which the cells of the file have to meet too.
printf 'TotPkts,Dur\n20,\n,2\n,\n' >few.csv
complete few.csv --given Proto=tcp
all '$2 == "tcp" && $4 != ""'
generate 1 "'few.csv': row 2" --complete few.csv --given Dur=7.63
# A column without cells; all cells; a column that the model does not have.
printf 'Proto,TotPkts\n,7\n,8\n' >empty.csv
complete empty.csv
complete "$flows"
same "$flows" rows.csv
printf 'id,Proto\n1,tcp\n2,\n' >other.csv
complete other.csv
grep -q "^flowbd3-generate: warning: column 'id' of 'other.csv' is left out" errors || fail "expected a warning"
# Numerals of a column of categories are categories, times and addresses keep their form.
expect 0 train --data "$flows" --type TotPkts=categorical --output-dir typed $tiny --epochs 1 --no-plots
printf 'TotPkts,Dur\n7,\n12,1.50\n' >typed.csv
model=typed/best.safetensors
complete typed.csv
expect 0 train --data "$data/servers.csv" --output-dir servers $tiny --epochs 1 --no-plots
model=servers/best.safetensors
cut -d, -f1,3,4 "$data/servers.csv" | sed '3s/^[^,]*,/,/; 4s/,[^,]*,/,,/' | head -30 >servers.csv
complete servers.csv
model=out/best.safetensors

bad() { # TEXT LINE...
    text=$1
    shift
    printf '%s\n' "$@" >bad.csv
    generate 1 "$text" --complete bad.csv
}
bad "row 2: the model knows no value 'sctp' of column 'Proto'" Proto,Dur tcp, sctp,
bad "row 1: 41 is outside the range of column 'TotPkts', 1 to 40" TotPkts,Dur 41,
bad "'bad.csv': line 3, column 'TotPkts': '1.5' is not a 64-bit integer" TotPkts,Dur 1, 1.5,
bad "row 1" Proto,State udp,S_
bad "'bad.csv': line 3 has 1 cells" Proto,State udp, tcp
bad "--complete: 'bad.csv' has no column of the model" sport,dport 1,2
grep -q "warning: column 'sport'" errors || fail "expected a warning"
generate 1 "cannot open 'nowhere.csv'" --complete nowhere.csv
cat few.csv | refuse 1 "'/dev/stdin' is no file" generate --model $model --output no.csv --complete /dev/stdin
refuse 1 "the model's flows are in sequences" generate --model sequences/best.safetensors --output no.csv \
    --complete "$data/sequences.csv"
[ ! -e no.csv ] || fail "a failure left rows"
