/** The server's REST interface. */

/** An answer that is no success; `message` and `remedy` are the server's words. */
export class ApiError extends Error {
  /** @param {number} status @param {object} body */
  constructor(status, body) {
    super(body.message || `The server answered ${status}.`);
    this.status = status;
    this.code = body.code;
    this.remedy = body.remedy || "";
    /** The study as it is, where another entry came first. */
    this.state = body.state;
  }
}

let csrf = "";

/** @param {string} path @param {RequestInit} options @param {string} root */
async function ask(path, options = {}, root = "/api/") {
  let response;
  try {
    response = await fetch(`${root}${path}`, { credentials: "same-origin", ...options });
  } catch {
    throw new ApiError(0, { message: "The server does not answer.", remedy: "See that it runs, then try again." });
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}

/** Who reads. @returns {Promise<{reader: string, role: string, csrf: string, signed_in: boolean}>} */
export async function session() {
  const said = await ask("session");
  csrf = said.csrf;
  return said;
}

/** End the session of an account. */
export const signOut = () => ask("logout", { method: "POST", headers: { "X-CSRF-Token": csrf } });

/** Have a service try a study again that could not be analysed. @param {string} key */
export const retry = (key) =>
  ask(`${path(key)}/retry`, { method: "POST", headers: { "X-CSRF-Token": csrf } }, "/");

/** @param {Record<string, string>} query @returns {Promise<{total: number, studies: object[]}>} */
export const studies = (query) => ask(`studies?${new URLSearchParams(query)}`);

const path = (key) => `studies/${encodeURIComponent(key)}`;

/** @param {string} key */
export const study = (key) => ask(path(key));

/** The entries of a study, oldest first. @param {string} key @returns {Promise<object[]>} */
export async function log(key) {
  const said = await ask(`${path(key)}/log`);
  return Array.isArray(said) ? said : said.entries;
}

/** What guidelines advise, by what is known now. @param {string} key @returns {Promise<object>} */
export const guidance = (key) => ask(`${path(key)}/guidance`);

/**
 * Add an entry to a study's log.
 * @param {string} key
 * @param {{kind: string, finding: number | null, data: object, expected_version: number}} entry
 * @returns {Promise<object>} the study as it is then
 */
export const enter = (key, entry) =>
  ask(`${path(key)}/entries`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(entry),
  });

/** @param {string} key @param {string} name */
export const exportUrl = (key, name) => `/api/${path(key)}/exports/${name}`;
