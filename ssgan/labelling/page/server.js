// What the page asks of its server. The token stands behind the # of the address, which a browser sends to nobody.

const TOKEN = location.hash.slice(1);
const MOST_KEPT = 96; // pictures
const kept = new Map(); // addresses of pictures by path, those asked for last at the end

async function fetched(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...options.headers, "x-ssgan-token": TOKEN } });
  } catch {
    throw new Error("The page's command has ended. Start it again, and open the address that it prints.");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let message = text;
  try {
    message = JSON.parse(text).error;
  } catch { /* a refusal in plain text */ }
  throw Object.assign(new Error(message), { status: answer.status });
}

export async function ask(name) {
  return (await fetched(`/api/${name}`)).json();
}

export async function tell(name, values = {}) {
  const options = { method: "POST", body: JSON.stringify(values), headers: { "content-type": "application/json" } };
  return (await fetched(`/api/${name}`, options)).json();
}

// Returns the address of a picture, `large` or `small`; it is fetched once.
export function picture(id, size) {
  const path = `/api/image/${size}/${id}`;
  const found = kept.get(path) ?? fetched(path).then((answer) => answer.blob()).then(URL.createObjectURL);
  kept.delete(path);
  kept.set(path, found);
  found.catch(() => kept.delete(path));
  for (const [old, address] of kept) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(old);
    address.then(URL.revokeObjectURL, () => {});
  }
  return found;
}
