/**
 * How a script tells what came of each flow: one line of JSON, `{client, flow, ok, detail}`.
 */
export function reporter(client) {
  return async function attempt(flow, work) {
    try {
      const detail = await work();
      console.log(JSON.stringify({ client, flow, ok: true, detail: detail ?? '' }));
    } catch (error) {
      console.log(JSON.stringify({ client, flow, ok: false, detail: described(error) }));
    }
  };
}

/** An error with what caused it, as these libraries hide the reason in there. */
function described(error) {
  const words = [];
  for (let one = error; one; one = one.cause) {
    if (one instanceof Error) {
      words.push([one.message, one.code, one.error, one.error_description].filter(Boolean).join(' | '));
    } else if (one instanceof Response) {
      words.push(`HTTP ${one.status}`);
      break;
    } else {
      words.push(JSON.stringify(one));
      break;
    }
  }
  return words.join(' <- ');
}

export function demand(condition, what) {
  if (!condition) throw new Error(what);
}

/** What a call is refused with; an error when it is not refused. */
export async function refused(call) {
  try {
    await call();
  } catch (error) {
    const challenges = Array.isArray(error.cause) ? error.cause : undefined;
    return { status: error.status, error: error.error, challenges, message: error.message };
  }
  throw new Error('it was not refused');
}
