# manual.awk - the manual page libvarve(3) out of include/varve/varve.h, which is the manual.
#
#   awk -f tools/lib/manual.awk include/varve/varve.h > libvarve.3
#
# The comment that opens the header becomes the description, a rule with a title a section, every
# other comment at the margin text, and every declaration stands below its text as it is in the
# header. In a comment: a blank line ends a paragraph; "@name  text", "Word.  text" and " 1 text"
# begin an item, whose other lines are indented; other indented lines are shown as they are.
# *word* and `word` are set off. What makes a header of it (guards, includes, attributes, the list
# of sections) is left out.

function escaped(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/'/, "\\(aq", text)
    gsub(/\^/, "\\(ha", text)
    gsub(/~/, "\\(ti", text)
    return text ~ /^[.]/ ? "\\&" text : text
}

# Words between two marks, in another font.
function set_off(text, mark, font,    pattern, word) {
    pattern = "[" mark "][a-z_][a-z_ ]*[" mark "]"
    while (match(text, pattern)) {
        word = substr(text, RSTART + 1, RLENGTH - 2)
        text = substr(text, 1, RSTART - 1) "\\f" font word "\\fR" substr(text, RSTART + RLENGTH)
    }
    return text
}

function end_literal() {
    if (literal)
        print ".EE"
    literal = 0
}

function begin_literal() {
    if (!literal)
        print ".PP\n.EX"
    literal = 1
}

function print_item(tag, text) {
    end_literal()
    print ".TP\n.B " escaped(tag) "\n" escaped(text)
    item = 1
}

# One line of a comment, without its star.
function print_text(line,    tag, rest) {
    if (line ~ /^ *$/) {
        end_literal()
        paragraph = 1
        item = 0
        return
    }
    if (match(line, /^(@[a-z_]+|[A-Z][a-z]+\.)  +/) || match(line, /^ +[0-9]+ [A-Z]/)) {
        tag = line
        sub(/^ +/, "", tag)
        sub(/ .*/, "", tag)
        rest = substr(line, index(line, tag) + length(tag))
        sub(/^ +/, "", rest)
        print_item(tag, rest)
        paragraph = 0
        return
    }
    if (line ~ /^ / && item) {
        sub(/^ +/, "", line)
    } else if (line ~ /^  /) {
        begin_literal()
        sub(/^  ? ?/, "", line)
    } else {
        end_literal()
        if (paragraph || item)
            print ".PP"
        item = 0
    }
    paragraph = 0
    print literal ? escaped(line) : set_off(set_off(escaped(line), "*", "I"), "`", "B")
}

function print_comment(line) {
    sub(/^ ?\/?\*+ ?/, "", line)
    sub(/ *\*\/$/, "", line)
    if (match(line, /^varve_[a-z_]+\(\) - /)) {
        end_literal()
        print ".SS " escaped(substr(line, 1, RLENGTH - 3))
        line = substr(line, RLENGTH + 1)
        line = toupper(substr(line, 1, 1)) substr(line, 2)
        item = paragraph = 0
    }
    print_text(line)
}

function print_code(line,    braces) {
    gsub(/VARVE_API |VARVE_MUST_CHECK /, "", line)
    sub(/ +\\$/, " \\", line)
    if (depth == 0)
        sub(/^               +/, "        ", line) # arguments, which stood below the bracket
    braces = line
    depth += gsub(/{/, "", braces) - gsub(/}/, "", braces)
    begin_literal()
    print escaped(line)
}

/^#define VARVE_VERSION_STRING/ { version = $3; gsub(/"/, "", version) }

# The comment that opens the file.
NR == 1 { opening = 1; next }
opening && / - the manual of/ { next }
opening && /^ \*\/$/ { opening = 0; next }
opening {
    opening_lines[++opening_count] = $0
    next
}

# Behind the includes the manual goes on with the version.
!started && /^\/\* The version of the library/ {
    started = 1
    print ".\\\" Made from include/varve/varve.h by tools/lib/manual.awk."
    print ".TH LIBVARVE 3 \"\" \"varve " version "\""
    print ".SH NAME\nlibvarve \\- an embedded time\\-series storage engine"
    print ".SH SYNOPSIS\n.B #include <varve/varve.h>\n.PP"
    print "cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs varve)"
    print ".SH DESCRIPTION"
    for (line = 1; line <= opening_count; line++) {
        text = opening_lines[line]
        if (text ~ /^ \* 1 Conventions$/) {
            end_literal()
            print ".SH CONVENTIONS"
            item = paragraph = 0
            conventions = 1
        } else if (conventions || text !~ /^ \*   [0-9]/) {
            print_comment(text)
        }
    }
    end_literal()
    print ".SH VERSION"
    item = paragraph = 0
}
!started { next }

/^\/\* -+ [0-9]+ .* \*\/$/ {
    end_literal()
    title = $0
    sub(/^\/\* -+ [0-9]+ /, "", title)
    sub(/ \*\/$/, "", title)
    print ".SH " escaped(toupper(title))
    item = paragraph = 0
    next
}
/^#ifdef __cplusplus$/ { exit }
/^#if defined\(__cplusplus\)$/ { in_cplusplus = 1 } # what stands there is C below
in_cplusplus {
    if ($0 ~ /^#else$/)
        in_cplusplus = 0
    next
}
/^#endif/ { next }

/^\/\*/ {
    end_literal()
    in_comment = 1
    print ".PP"
    item = paragraph = 0
    if ($0 ~ /^\/\*\*$/)
        next
}
in_comment {
    closes = $0 ~ /\*\/$/
    if ($0 !~ /^ \*\/$/)
        print_comment($0)
    if (closes) {
        in_comment = 0
        end_literal()
        item = paragraph = 0
    }
    next
}
/^$/ { end_literal(); next }
{ print_code($0) }

END {
    end_literal()
    print ".SH SEE ALSO\n.BR varve (1)"
}
