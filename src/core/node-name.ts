/**
 * ParallelCluster's node names: `<queue>-<st|dy>-<compute resource>-<number>`, such as `queue1-dy-c5xlarge-3`.
 *
 * The rule is ParallelCluster's `^([a-z0-9\-]+)-(st|dy)-([a-z0-9\-]+)-\d+$`, read greedily: the last `-st-` or `-dy-`
 * that leaves a compute resource behind it is the one that splits. It is read by hand, because the expression takes
 * cubic time on a name made of hyphens.
 *
 * What it does not do: know which queues exist, or what counts as a node of the fleet.
 */

export type NodeType = 'static' | 'dynamic';

export interface NodeNameParts {
  readonly queue: string;
  readonly nodeType: NodeType;
  readonly computeResource: string;
  readonly index: number;
}

export type NodeNameResult =
  | ({ readonly kind: 'ok' } & NodeNameParts)
  | { readonly kind: 'error'; readonly message: string; readonly hint: string };

const shape = '<queue>-<st|dy>-<compute resource>-<number>, such as queue1-dy-c5xlarge-1';

/**
 * Reads a node name. The name stays the node's identity: where its number is padded (`-01`, which the rule takes),
 * `nodeName` of the parts is another name.
 */
export function parseNodeName(name: string): NodeNameResult {
  const parts = splitName(name);
  if (parts === null) {
    return {
      kind: 'error',
      message: `"${clip(name)}" is not a node name of this cluster's form`,
      hint: hintFor(name),
    };
  }
  if (!Number.isSafeInteger(parts.index)) {
    return {
      kind: 'error',
      message: `the number at the end of "${clip(name)}" is too large`,
      hint: `a node name is ${shape}`,
    };
  }
  return { kind: 'ok', ...parts };
}

/** The name of a node; the inverse of `parseNodeName`. */
export function nodeName(parts: NodeNameParts): string {
  const type = parts.nodeType === 'static' ? 'st' : 'dy';
  return `${parts.queue}-${type}-${parts.computeResource}-${String(parts.index)}`;
}

/** The parts of a name that follows the rule, else null. */
function splitName(name: string): NodeNameParts | null {
  const hyphen = name.lastIndexOf('-');
  const digits = name.slice(hyphen + 1);
  if (hyphen === -1 || !/^\d+$/.test(digits)) return null;
  const body = name.slice(0, hyphen);
  if (!/^[a-z0-9-]+$/.test(body)) return null;
  // A compute resource has at least one character behind the four of `-st-`.
  const latest = body.length - 5;
  if (latest < 1) return null;
  const at = Math.max(body.lastIndexOf('-st-', latest), body.lastIndexOf('-dy-', latest));
  if (at < 1) return null;
  return {
    queue: body.slice(0, at),
    nodeType: body.startsWith('-st-', at) ? 'static' : 'dynamic',
    computeResource: body.slice(at + 4),
    index: Number(digits),
  };
}

function hintFor(name: string): string {
  const likely = likelyName(name);
  if (likely !== null)
    return `was ${likely} meant? A hyphen stands before the number, or before its bracket`;
  const lower = name.toLowerCase();
  if (lower !== name && splitName(lower) !== null) {
    return `was ${clip(lower)} meant? Node names have no capital letters`;
  }
  return `a node name is ${shape}`;
}

/** The name with the hyphen that is missing before its number (`queue2-dy-c5xlarge1`), where that makes it right. */
function likelyName(name: string): string | null {
  let start = name.length;
  while (start > 0 && /\d/.test(name[start - 1] ?? '')) start -= 1;
  if (start === name.length || name[start - 1] === '-') return null;
  const candidate = `${name.slice(0, start)}-${name.slice(start)}`;
  return splitName(candidate) === null ? null : clip(candidate);
}

function clip(name: string): string {
  return name.length <= 80 ? name : `${name.slice(0, 80)}...`;
}
