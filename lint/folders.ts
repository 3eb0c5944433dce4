/**
 * The folders under src/ and what each may import: the map of ARCHITECTURE.md as data. `lint/plugin.ts` holds the code to
 * it. A folder that is not listed here may import nothing, so a new one has to be thought about first.
 */

export interface FolderRule {
  /** Other folders under src/. A folder may always import itself. */
  readonly folders: readonly string[];
  /** Packages, and `node:` for Node's own modules. */
  readonly packages: readonly string[];
}

/** `bin` is the one place where everything meets; nothing may import it. */
export const anything = '*';

export const folderRules: Readonly<Record<string, FolderRule>> = {
  core: { folders: [], packages: [] },
  ports: { folders: ['core'], packages: [] },
  wire: { folders: ['core'], packages: ['zod'] },
  config: { folders: ['core'], packages: ['node:', 'yaml', 'zod'] },
  controller: { folders: ['core', 'ports'], packages: [] },
  sim: { folders: ['core', 'ports', 'controller'], packages: [] },
  ec2sim: { folders: ['core', 'ports', 'sim'], packages: ['node:', 'zod'] },
  lab: { folders: ['core', 'config', 'ports'], packages: ['node:', 'zod'] },
  cli: { folders: ['core', 'ports', 'config', 'wire'], packages: [] },
  bin: { folders: [anything], packages: ['node:', 'commander'] },
  'adapters/ec2': { folders: ['core', 'ports'], packages: ['node:', '@aws-sdk/client-ec2'] },
  'adapters/ledger': { folders: ['core', 'ports'], packages: ['node:'] },
  'adapters/registry': { folders: ['core', 'ports'], packages: ['node:'] },
  'adapters/slurm': { folders: ['core', 'ports'], packages: ['node:'] },
  'adapters/spool': { folders: ['core', 'ports'], packages: ['node:'] },
  'adapters/system': { folders: ['core', 'ports'], packages: ['node:'] },
};

/** The folder that a path under src/ belongs to: each adapter is a folder of its own. */
export function folderOf(pathInSrc: string): string {
  const [first = '', second = ''] = pathInSrc.split('/');
  return first === 'adapters' ? `${first}/${second}` : first;
}

/** Why a file of a folder may not import something, or null when it may. `target`: a folder, or a package. */
export function objection(
  from: string,
  target: { readonly folder: string } | { readonly package: string },
): string | null {
  const rule = folderRules[from] ?? { folders: [], packages: [] };
  if ('folder' in target) {
    const { folder } = target;
    if (folder === from) return null;
    if (folder === 'bin') return 'nothing imports src/bin: it only composes';
    if (rule.folders.includes(anything) || rule.folders.includes(folder)) return null;
    return `src/${from} may not import src/${folder}`;
  }
  const name = target.package;
  const allowed = rule.packages.some((one) =>
    one === 'node:' ? name.startsWith(one) : one === name,
  );
  return allowed ? null : `src/${from} may not import the package ${name}`;
}
