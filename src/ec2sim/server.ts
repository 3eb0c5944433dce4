/**
 * EC2's Query API on loopback, in front of the model.
 *
 * A request is read whole, performed by the model at once, and answered, late or never when a fault says so. Any
 * credentials are accepted: a request must carry some, as every SDK's does, but signatures are not verified.
 * Plain node:http: an answer may have to be a broken connection, which a framework's reply cannot be.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerAdmin } from './admin.ts';
import { watchBoots, type Boots, type OnBoot } from './boots.ts';
import { readCall, type Call } from './query.ts';
import {
  createEc2Model,
  Ec2ApiError,
  type Ec2Model,
  type Ec2ModelOptions,
} from '../sim/ec2/index.ts';
import { writeAnswer, writeError } from './xml.ts';

const bodyLimitBytes = 4 * 1024 * 1024;
const adminPrefix = '/_admin/';
// Longer than clients keep idle connections (the SDKs: seconds), so that it is not the server that closes one just as
// it is used again: that would look like a lost answer.
const keepAliveMs = 75_000;

export interface Ec2SimOptions extends Partial<Ec2ModelOptions> {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Called when an instance has booted (boots.ts). */
  readonly onBoot?: OnBoot;
}

export interface Ec2Sim {
  /** `http://127.0.0.1:PORT`: the endpoint for AWS_ENDPOINT_URL. */
  readonly url: string;
  /** `url` and `/_admin`. */
  readonly adminUrl: string;
  /** The model behind it, for those in the same process. */
  readonly model: Ec2Model;
  /** Stops listening, breaks connections, and stops everything that was started at boot. */
  close(): Promise<void>;
}

/** Null when the body is larger than the limit. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimitBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(
  response: ServerResponse,
  reply: { status: number; type: string; body: string; requestId?: string },
): void {
  response.writeHead(reply.status, {
    'content-type': reply.type,
    'content-length': Buffer.byteLength(reply.body),
    ...(reply.requestId !== undefined && { 'x-amzn-requestid': reply.requestId }),
  });
  response.end(reply.body);
}

function sendXml(response: ServerResponse, status: number, requestId: string, body: string): void {
  send(response, { status, type: 'text/xml;charset=UTF-8', body, requestId });
}

function checkCredentials(request: IncomingMessage, parameters: URLSearchParams): void {
  const carried =
    request.headers.authorization ??
    parameters.get('X-Amz-Credential') ??
    parameters.get('AWSAccessKeyId');
  if (!carried) {
    throw new Ec2ApiError(
      'AuthFailure',
      'AWS was not able to validate the provided access credentials',
      401,
    );
  }
}

function answerQuery(
  model: Ec2Model,
  request: IncomingMessage,
  response: ServerResponse,
  parameters: URLSearchParams,
): void {
  let read: Call;
  try {
    checkCredentials(request, parameters);
    read = readCall(parameters);
  } catch (error: unknown) {
    if (!(error instanceof Ec2ApiError)) throw error;
    const requestId = model.newRequestId();
    sendXml(response, error.httpStatus, requestId, writeError(error, requestId));
    return;
  }
  const call = read;
  const { requestId, result, delayMs, lost } = model.perform(call.action, call.request);
  function deliver(): void {
    if (lost === 'reset') response.socket?.destroy();
    if (lost !== null) return;
    if (result.kind === 'error') {
      const { error } = result;
      sendXml(response, error.httpStatus, requestId, writeError(error, requestId));
    } else {
      const of = { requestId, account: model.account };
      sendXml(response, 200, requestId, writeAnswer(call.action, result.answer, of));
    }
  }
  if (delayMs > 0) setTimeout(deliver, delayMs);
  else deliver();
}

async function answer(
  model: Ec2Model,
  boots: Boots | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const body = await readBody(request);
  if (body === null) {
    send(response, { status: 413, type: 'text/plain', body: 'the request is larger than 4 MiB\n' });
    return;
  }
  if (url.pathname.startsWith(adminPrefix)) {
    const route = url.pathname.slice(adminPrefix.length);
    const reply = answerAdmin(model, boots, { method: request.method ?? 'GET', route, body });
    const text = `${JSON.stringify(reply.body)}\n`;
    send(response, { status: reply.status, type: 'application/json', body: text });
    return;
  }
  const parameters = request.method === 'GET' ? url.searchParams : new URLSearchParams(body);
  answerQuery(model, request, response, parameters);
}

/**
 * Starts the simulator on 127.0.0.1. Rejects when the port is taken, and with RangeError for a subnet whose range is
 * none. EC2's throttling is on unless `throttle` is false.
 */
export async function startEc2Sim(options: Ec2SimOptions = {}): Promise<Ec2Sim> {
  const { port = 0, onBoot, ...modelOptions } = options;
  const model = createEc2Model({ now: () => Date.now(), ...modelOptions });
  let boots: Boots | null = null;
  const server = createServer((request, response) => {
    answer(model, boots, request, response).catch((error: unknown) => {
      // A client that went away while it was read, or a defect here: either way there is nobody to answer properly.
      if (!response.headersSent && !response.destroyed) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        send(response, { status: 500, type: 'text/plain', body: `${text}\n` });
      }
    });
  });
  server.keepAliveTimeout = keepAliveMs;
  server.headersTimeout = keepAliveMs + 1000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (onBoot !== undefined) boots = watchBoots(model, url, onBoot);
  return {
    url,
    adminUrl: `${url}/_admin`,
    model,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await boots?.close();
      await closed;
    },
  };
}
