/**
 * Muster's own lint rules, for what no rule of oxlint's says.
 *
 * - `folder-rules`: a file under src/ imports only what its folder may (`folders.ts`).
 * - `no-shell`: child processes are started by an argument vector; a shell would read names from outside as commands.
 * - `no-clock`: `new Date()` without an argument asks the machine for the time.
 * - `function-length`: a function has at most 70 lines of its own; functions inside it (a factory's, a test suite's)
 *   count for themselves.
 *
 * Each rule sees one file and the text of its imports; nothing is resolved on disk.
 */
import { posix } from 'node:path';
import { folderOf, objection } from './folders.ts';

interface AstNode {
  readonly type: string;
  readonly [key: string]: unknown;
}

interface Context {
  readonly filename: string;
  readonly report: (found: { readonly node: AstNode; readonly message: string }) => void;
}

type Visitor = Readonly<Record<string, (node: AstNode) => void>>;

/** The part of a path behind the last `/src/`; null for files outside of src/, to which the folder rules do not apply. */
function pathInSrc(filename: string): string | null {
  const path = filename.replaceAll('\\', '/');
  const at = path.lastIndexOf('/src/');
  return at === -1 ? null : path.slice(at + '/src/'.length);
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

function checkImport(filename: string, specifier: string): string | null {
  const importer = pathInSrc(filename);
  // Tests stand beside what they test and may use whatever the test needs.
  if (importer === null || importer.endsWith('.test.ts')) return null;
  if (!specifier.startsWith('.')) {
    return objection(folderOf(importer), { package: packageOf(specifier) });
  }
  const directory = filename.replaceAll('\\', '/').split('/').slice(0, -1).join('/');
  const target = pathInSrc(posix.normalize(posix.join(directory, specifier)));
  if (target === null) {
    return folderOf(importer) === 'bin' ? null : 'src/ imports nothing from outside of src/';
  }
  return objection(folderOf(importer), { folder: folderOf(target) });
}

function literalOf(node: unknown): string | null {
  const literal = node as { type?: unknown; value?: unknown } | null | undefined;
  return literal?.type === 'Literal' && typeof literal.value === 'string' ? literal.value : null;
}

function createFolderRules(context: Context): Visitor {
  const check = (node: AstNode): void => {
    const specifier = literalOf(node['source']);
    if (specifier === null) return;
    const message = checkImport(context.filename, specifier);
    if (message !== null) context.report({ node, message });
  };
  return {
    ImportDeclaration: check,
    ImportExpression: check,
    ExportNamedDeclaration: check,
    ExportAllDeclaration: check,
  };
}

const shellFunctions = new Set(['exec', 'execSync']);

function createNoShell(context: Context): Visitor {
  return {
    Property(node) {
      const key = node['key'] as { name?: unknown; value?: unknown };
      const inObject = (node['parent'] as AstNode | undefined)?.type === 'ObjectExpression';
      if (!inObject || (key.name ?? key.value) !== 'shell') return;
      context.report({ node, message: 'no `shell` option: give the program and its arguments' });
    },
    ImportDeclaration(node) {
      if (!/^(?:node:)?child_process$/.test(literalOf(node['source']) ?? '')) return;
      for (const specifier of node['specifiers'] as readonly AstNode[]) {
        const imported = specifier['imported'] as { name?: unknown } | undefined;
        if (!shellFunctions.has(String(imported?.name))) continue;
        const message = `${String(imported?.name)} runs a shell: use execFile or spawn`;
        context.report({ node: specifier, message });
      }
    },
  };
}

function createNoClock(context: Context): Visitor {
  return {
    NewExpression(node) {
      const callee = node['callee'] as { name?: unknown };
      if (callee.name !== 'Date' || (node['arguments'] as readonly unknown[]).length > 0) return;
      context.report({ node, message: 'the time comes with the event, or from the Clock port' });
    },
  };
}

export const functionLinesMax = 70;

interface Span {
  readonly node: AstNode;
  readonly first: number;
  readonly last: number;
  /** Lines that belong to functions directly inside. */
  inner: number;
}

function createFunctionLength(context: Context): Visitor {
  const open: Span[] = [];
  const enter = (node: AstNode): void => {
    const at = node['loc'] as { start: { line: number }; end: { line: number } };
    open.push({ node, first: at.start.line, last: at.end.line, inner: 0 });
  };
  const leave = (): void => {
    const span = open.pop();
    if (span === undefined) return;
    const own = span.last - span.first + 1 - span.inner;
    const around = open.at(-1);
    // A function on one line, such as a callback, is a part of its line.
    if (around !== undefined) around.inner += span.last - span.first;
    if (own <= functionLinesMax) return;
    const message = `${own} lines of its own, at most ${functionLinesMax}: give a part of it a name`;
    context.report({ node: span.node, message });
  };
  const kinds = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];
  return Object.fromEntries(
    kinds.flatMap((kind) => [
      [kind, enter],
      [`${kind}:exit`, leave],
    ]),
  );
}

const plugin = {
  meta: { name: 'muster' },
  rules: {
    'folder-rules': { create: createFolderRules },
    'no-shell': { create: createNoShell },
    'no-clock': { create: createNoClock },
    'function-length': { create: createFunctionLength },
  },
};

// oxlint loads a plugin by its default export.
export default plugin;
