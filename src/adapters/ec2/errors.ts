/**
 * What the SDK throws, told as the port's CloudError.
 *
 * Four cases: EC2 answered with an error; the call took too long; the way to EC2 or its answer was broken (then the
 * call may have been done); or the SDK could not make the call at all (no credentials), whose name is the code.
 */
import { EC2ServiceException } from '@aws-sdk/client-ec2';
import { CloudError } from '../../ports/cloud.ts';

function propertyOf(error: Error, name: string): unknown {
  return (error as unknown as Record<string, unknown>)[name];
}

function statusOf(error: Error): number | null {
  const metadata = propertyOf(error, '$metadata');
  if (typeof metadata !== 'object' || metadata === null) return null;
  const status = 'httpStatusCode' in metadata ? metadata.httpStatusCode : null;
  return typeof status === 'number' ? status : null;
}

/** An answer without a body names no code: the status says as much. */
function codeOf(error: EC2ServiceException): string {
  if (error.name !== 'Unknown') return error.name;
  return error.$metadata.httpStatusCode === 503 ? 'ServiceUnavailable' : 'InternalError';
}

/** A broken connection has a system code; an answer that could not be read has metadata and is no EC2 exception. */
function isBrokenWay(error: Error): boolean {
  return (
    typeof propertyOf(error, 'code') === 'string' || propertyOf(error, '$metadata') !== undefined
  );
}

/** `signal`: the time-out that the call ran under. */
export function cloudErrorFrom(error: unknown, call: string, signal: AbortSignal): CloudError {
  if (error instanceof EC2ServiceException) {
    return new CloudError(codeOf(error), error.message, {
      requestId: error.$metadata.requestId ?? null,
      httpStatus: error.$metadata.httpStatusCode ?? null,
      cause: error,
    });
  }
  if (signal.aborted) {
    return new CloudError('Timeout', `EC2 did not answer ${call} in time`, { cause: error });
  }
  if (!(error instanceof Error)) {
    return new CloudError('ConnectionError', `${call} failed: ${String(error)}`, { cause: error });
  }
  if (isBrokenWay(error)) {
    return new CloudError('ConnectionError', `no answer to ${call}: ${error.message}`, {
      httpStatus: statusOf(error),
      cause: error,
    });
  }
  return new CloudError(error.name, `${call} could not be called: ${error.message}`, {
    cause: error,
  });
}
