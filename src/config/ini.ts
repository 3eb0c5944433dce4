/**
 * The grammar of ParallelCluster's INI files: what Python's configparser reads, plus what people paste.
 *
 * Sections in brackets; `key = value` or `key: value`; keys are compared in lower case; `#` and `;` start a comment
 * at the beginning of a line, or behind a value when white space stands before them. A line in back quotes (as the
 * ParallelCluster wiki prints one) is read as if it had none, and marked. What the keys mean is not decided here.
 *
 * configparser joins a line that is indented deeper than the one before to that one's value. No value of these files
 * has several lines, so such a line is an error here: silently swallowing a setting would be worse.
 */
import { problemAt } from './problem.ts';
import type { Findings, Problem, SourceText } from './problem.ts';

export interface IniEntry {
  readonly section: string;
  /** In lower case. */
  readonly key: string;
  readonly value: string;
  readonly line: number;
  readonly keyColumn: number;
  readonly valueColumn: number;
  /** The text between back quotes, when the line was written in them. */
  readonly backQuoted: string | null;
}

export interface IniSection {
  readonly name: string;
  readonly line: number;
  readonly column: number;
}

export interface IniFile {
  readonly sections: readonly IniSection[];
  readonly entries: readonly IniEntry[];
}

interface LineText {
  readonly source: SourceText;
  readonly line: number;
  readonly indent: number;
  /** Without the indentation and the white space at the end. */
  readonly text: string;
}

/** Reads every line; lines that are none of the grammar's go to `findings.errors`. */
export function parseIni(source: SourceText, findings: Findings): IniFile {
  const sections: IniSection[] = [];
  const entries: IniEntry[] = [];
  let section: string | null = null;
  let previous: { key: string; indent: number } | null = null;
  let orphans = 0;

  for (const [index, raw] of source.lines.entries()) {
    const text = raw.trim();
    if (text === '' || text.startsWith('#') || text.startsWith(';')) continue;
    const indent = raw.length - raw.trimStart().length;
    const line: LineText = { source, line: index + 1, indent, text };

    if (previous !== null && indent > previous.indent) {
      findings.errors.push(indented(line, previous.key));
      continue;
    }
    if (isPrompt(text)) {
      findings.errors.push(pastedPrompt(line));
      continue;
    }
    const header = parseHeader(line, findings);
    if (header !== null) {
      section = header.name;
      sections.push(header);
      previous = null;
      continue;
    }
    const entry = parseEntry(line, section ?? '', findings);
    if (entry === null) continue;
    previous = { key: entry.key, indent };
    if (section === null) {
      // One error for all of them: a missing header is one mistake.
      if (orphans === 0) findings.errors.push(outsideSection(line, entry.key));
      orphans += 1;
      continue;
    }
    entries.push(entry);
  }
  return { sections, entries };
}

function parseHeader(line: LineText, findings: Findings): IniSection | null {
  if (!line.text.startsWith('[')) return null;
  const place = { line: line.line, column: line.indent + 1 };
  const end = line.text.indexOf(']');
  if (end > 1) return { name: line.text.slice(1, end).trim(), ...place };
  const message =
    end === -1 ? 'a section header without its closing bracket' : 'an empty section header';
  findings.errors.push(problemAt(line.source, place, { message, hint: 'write `[slurm_resume]`' }));
  // Read on as if it were meant: the keys below are then checked in the same run.
  return { name: line.text.slice(1).replace(']', '').trim() || 'slurm_resume', ...place };
}

function parseEntry(line: LineText, section: string, findings: Findings): IniEntry | null {
  const quoted = /^`([^`]*)`\s*(?:[#;].*)?$/.exec(line.text);
  const content = quoted?.[1] ?? line.text;
  const start = line.indent + (quoted === null ? 0 : 1);
  const delimiter = content.search(/[=:]/);
  const key = content.slice(0, Math.max(delimiter, 0)).trim().toLowerCase();
  if (delimiter === -1 || key === '') {
    const message =
      delimiter === -1
        ? 'this line is neither a section, a comment nor `key = value`'
        : `a value without a key before its \`${content[delimiter] ?? '='}\``;
    const hint = 'write `key = value`, or put `#` before the line to make it a comment';
    const place = { line: line.line, column: line.indent + 1 };
    findings.errors.push(problemAt(line.source, place, { message, hint }));
    return null;
  }
  const afterDelimiter = content.slice(delimiter + 1);
  const value = withoutComment(afterDelimiter).trim();
  const leading = afterDelimiter.length - afterDelimiter.trimStart().length;
  const keyStart = start + (content.length - content.trimStart().length);
  return {
    section,
    key,
    value,
    line: line.line,
    keyColumn: keyStart + 1,
    valueColumn: start + delimiter + 2 + (value === '' ? 0 : leading),
    backQuoted: quoted === null ? null : content.trim(),
  };
}

/** A comment behind a value needs white space before it: `#` is a valid letter of many values. */
function withoutComment(value: string): string {
  const comment = /(?:^|\s)[#;]/.exec(value);
  return comment === null ? value : value.slice(0, comment.index);
}

/** A shell's prompt and a command, such as `$ cat FILE`, copied together with the file. */
function isPrompt(text: string): boolean {
  return /^(?:\[[^\]]*\][$#]|\S*[$%>])(?:\s+[^\s=:]|$)/.test(text);
}

function pastedPrompt(line: LineText): Problem {
  const place = { line: line.line, column: line.indent + 1 };
  const message = 'this is a command typed at a shell prompt, not a part of the file';
  return problemAt(line.source, place, { message, hint: `remove line ${line.line}` });
}

function outsideSection(line: LineText, key: string): Problem {
  const place = { line: line.line, column: line.indent + 1 };
  const message = `\`${key}\` stands before any section`;
  const hint = `put a line \`[slurm_resume]\` above line ${line.line}`;
  return problemAt(line.source, place, { message, hint });
}

function indented(line: LineText, previousKey: string): Problem {
  const place = { line: line.line, column: line.indent + 1 };
  const message = `this line is indented deeper than the one before, so ParallelCluster reads it as more of \`${previousKey}\`'s value`;
  return problemAt(line.source, place, {
    message,
    hint: 'remove the white space at its beginning',
  });
}
