/**
 * Reads a YAML file so that every complaint about it can name its line and column.
 *
 * Two steps: `parseYaml` finds what is wrong with the YAML itself; `checkSchema` holds the value against a zod schema
 * and translates zod's issues into problems with the place, the nearest valid key or word, and what would be right.
 * YAML 1.1, because ParallelCluster reads its files so: `yes`, `no`, `on` and `off` are booleans there.
 */
import { LineCounter, isAlias, isMap, isNode, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, YAMLMap } from 'yaml';
import { z } from 'zod';

import { hintFor, nearest } from './nearest.ts';
import { problemAt } from './problem.ts';
import type { Findings, Position, Problem, SourceText } from './problem.ts';

export interface YamlFile {
  readonly source: SourceText;
  readonly document: Document;
  readonly lineCounter: LineCounter;
  /** The plain value of the document: always a mapping. */
  readonly value: Readonly<Record<string, unknown>>;
}

export type YamlPath = readonly (string | number)[];

/** The file as a mapping, or null with the errors in `findings`. `purpose` says what should stand in it. */
export function parseYaml(
  source: SourceText,
  purpose: string,
  findings: Findings,
): YamlFile | null {
  const lineCounter = new LineCounter();
  try {
    const document = parseDocument(source.text, {
      version: '1.1',
      lineCounter,
      prettyErrors: false,
      logLevel: 'error',
    });
    if (document.errors.length > 0) {
      // What follows from the first few mistakes is noise.
      for (const error of document.errors.slice(0, 20)) {
        const place = linePosition(lineCounter, error.pos[0]);
        findings.errors.push(problemAt(source, place, syntaxError(error.code, error.message)));
      }
      return null;
    }
    if (document.contents === null || isEmptyScalar(document.contents)) {
      const said = { message: 'the file is empty', hint: `it should hold ${purpose}` };
      findings.errors.push(problemAt(source, { line: 1, column: 1 }, said));
      return null;
    }
    const value: unknown = document.toJS();
    if (!isMap(document.contents) || !isRecord(value)) {
      const place = linePosition(lineCounter, document.contents.range?.[0] ?? 0);
      const message = `the file is ${describe(value)}, not a mapping of keys to values`;
      findings.errors.push(
        problemAt(source, place, { message, hint: `it should hold ${purpose}` }),
      );
      return null;
    }
    return { source, document, lineCounter, value };
  } catch (error: unknown) {
    // Nesting too deep for the parser, or aliases that multiply without end.
    const reason = error instanceof Error ? error.message : String(error);
    const said = {
      message: `cannot be read as YAML: ${reason}`,
      hint: `it should hold ${purpose}`,
    };
    findings.errors.push(problemAt(source, { line: 1, column: 1 }, said));
    return null;
  }
}

function isEmptyScalar(node: unknown): boolean {
  return isScalar(node) && node.value === null && (node.source ?? '') === '';
}

function syntaxError(code: string, message: string): { message: string; hint: string } {
  switch (code) {
    case 'DUPLICATE_KEY':
      return { message: 'this key is given twice', hint: 'keep one of them: YAML keys are unique' };
    case 'TAB_AS_INDENT':
      return {
        message: 'a tab is used for indentation',
        hint: 'indent with spaces: YAML allows no tabs there',
      };
    case 'MULTIPLE_DOCS':
      return {
        message: 'a second YAML document begins here',
        hint: 'keep one document: remove the `---` line and what does not belong',
      };
    case 'BAD_INDENT':
    case 'MISSING_CHAR':
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return {
        message: `not valid YAML: ${message}`,
        hint: 'check the indentation and the `:` of this line and the one before',
      };
    default:
      return {
        message: `not valid YAML: ${message}`,
        hint: 'check this line against the one before; quote text with special characters',
      };
  }
}

/** Where the value at `path` stands, or the nearest thing around it that does; `key`: where its key stands. */
export function placeOf(file: YamlFile, path: YamlPath, at: 'key' | 'value' = 'value'): Position {
  let node: unknown = file.document.contents;
  let place = offsetOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(file.document);
    let next: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => keyText(item.key) === String(step));
      if (pair === undefined) break;
      place = offsetOf(pair.key) ?? place;
      if (at === 'key' && depth === path.length - 1) break;
      next = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      next = node.items[step];
    }
    if (next === undefined || next === null) break;
    if (!isEmptyScalar(next)) place = offsetOf(next) ?? place;
    node = next;
  }
  return linePosition(file.lineCounter, place);
}

/** A problem at the value (or the key) of a path. */
export function yamlProblem(
  file: YamlFile,
  path: YamlPath,
  said: { message: string; hint: string; at?: 'key' | 'value' },
): Problem {
  return problemAt(file.source, placeOf(file, path, said.at ?? 'value'), said);
}

function linePosition(lineCounter: LineCounter, offset: number): Position {
  const { line, col } = lineCounter.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function offsetOf(node: unknown): number | null {
  return isNode(node) && node.range ? node.range[0] : null;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

/** The file's value in the schema's shape, or null with everything that is wrong in `findings`. */
export function checkSchema<Schema extends z.ZodType>(
  file: YamlFile,
  schema: Schema,
  findings: Findings,
): z.output<Schema> | null {
  const result = schema.safeParse(file.value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({
    issue,
    path: issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step)),
  }));
  // `subnetIds` for `SubnetIds` is one mistake, not an unknown key and a missing one.
  const meant = new Set<string>();
  const misspelt = new Set<string>();
  for (const { issue, path } of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    misspelt.add(pathText(path));
    const valid = keysAt(schema, path);
    for (const key of issue.keys) meant.add(pathText([...path, nearest(key, valid) ?? key]));
    findings.errors.push(...unknownKeys(file, path, issue.keys, valid));
  }
  for (const { issue, path } of issues) {
    if (issue.code === 'unrecognized_keys') continue;
    if (valueAt(file.value, path) === undefined && meant.has(pathText(path))) continue;
    // What a mapping lacks as a whole may be what the misspelt key was to say.
    if (issue.code === 'custom' && misspelt.has(pathText(path))) continue;
    findings.errors.push(issueProblem(file, path, issue));
  }
  return null;
}

function unknownKeys(
  file: YamlFile,
  path: YamlPath,
  keys: readonly string[],
  valid: readonly string[],
): Problem[] {
  const map = nodeAt(file, path);
  const places = new Map<string, number>();
  for (const item of map?.items ?? []) places.set(keyText(item.key), offsetOf(item.key) ?? 0);
  return keys.map((key) => {
    const offset = places.get(key);
    const place =
      offset === undefined ? placeOf(file, path) : linePosition(file.lineCounter, offset);
    const inside = path.length === 0 ? '' : ` in ${pathText(path)}`;
    const message = `unknown key \`${key}\`${inside}`;
    return problemAt(file.source, place, { message, hint: hintFor(key, valid) });
  });
}

function nodeAt(file: YamlFile, path: YamlPath): YAMLMap | null {
  let node: unknown = path.length === 0 ? file.document.contents : file.document.getIn(path, true);
  if (isAlias(node)) node = node.resolve(file.document);
  return isMap(node) ? node : null;
}

/** The keys that the schema knows at a path. */
function keysAt(schema: z.ZodType, path: YamlPath): readonly string[] {
  let at: unknown = schema;
  for (const step of path) {
    at = unwrapped(at);
    if (at instanceof z.ZodObject) at = at.shape[String(step)];
    else if (at instanceof z.ZodArray) at = at.element;
    else if (at instanceof z.ZodRecord) at = at.valueType;
  }
  at = unwrapped(at);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  let at = schema;
  while (at instanceof z.ZodOptional) at = at.unwrap();
  return at;
}

function issueProblem(file: YamlFile, path: YamlPath, issue: z.core.$ZodIssue): Problem {
  const value = valueAt(file.value, path);
  const name = pathText(path);
  if (value === undefined) {
    const parent = path.slice(0, -1);
    const inside = parent.length === 0 ? '' : ` in ${pathText(parent)}`;
    const message = `\`${String(path.at(-1) ?? '')}\` is missing${inside}`;
    return yamlProblem(file, parent, { message, hint: hintOf(issue), at: 'key' });
  }
  if (issue.code === 'custom') {
    return yamlProblem(file, path, { message: `${name} ${issue.message}`, hint: hintOf(issue) });
  }
  const said = value === null ? 'has no value' : `cannot be ${describe(value)}`;
  const hint =
    issue.code === 'invalid_value' && typeof value === 'string'
      ? hintFor(value, issue.values.map(String))
      : hintOf(issue);
  return yamlProblem(file, path, { message: `${name} ${said}`, hint });
}

/** What would be right. Lists are the only values that the schemas bound by size rather than by a refinement. */
function hintOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') {
    const hint: unknown = issue.params?.['hint'];
    return typeof hint === 'string' ? hint : issue.message;
  }
  if (issue.code === 'invalid_type') return `write ${typeWords[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') {
    return `write one of ${issue.values.map(String).join(', ')}`;
  }
  if (issue.code === 'too_small') return 'give at least one entry';
  return issue.message;
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: '`true` or `false`',
  object: 'a mapping: `Key: value` lines, indented',
  record: 'a mapping: `Key: value` lines, indented',
  array: 'a list: each entry on a line of its own, after `- `',
};

export function valueAt(value: unknown, path: YamlPath): unknown {
  let at = value;
  for (const step of path) {
    if (Array.isArray(at)) at = at[Number(step)];
    else if (isRecord(at) && Object.hasOwn(at, step)) at = at[step];
    else return undefined;
  }
  return at;
}

/** `Scheduling.SlurmQueues[0].Name`. */
export function pathText(path: YamlPath): string {
  let text = '';
  for (const step of path) {
    text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${step}`;
  }
  return `\`${text}\``;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'empty';
    case 'object':
      if (value === null) return 'empty';
      return Array.isArray(value) ? 'a list' : 'a mapping';
    case 'string':
      return `\`${value.length > 60 ? `${value.slice(0, 60)}...` : value}\``;
    case 'number':
    case 'boolean':
    case 'bigint':
      return `\`${value}\``;
    default:
      return `a ${typeof value}`;
  }
}
