// What the original's powersync-auth-anonymous does, in our own words: a Supabase (Deno) function.

import * as jose from "jose";

const privateJwk: jose.JWK = JSON.parse(atob(Deno.env.get("POWERSYNC_PRIVATE_KEY")!));
const privateKey = await jose.importJWK(privateJwk);
const powersyncUrl = Deno.env.get("POWERSYNC_URL")!;
const issuer = Deno.env.get("SUPABASE_URL")!;

const CORS = {
  "Content-Type": "application/json",
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "authorization, x-client-info, apikey, content-type",
};

export async function handler(request: Request): Promise<Response> {
  if (request.method === "OPTIONS") return new Response("ok", { headers: CORS });
  try {
    const token = await new jose.SignJWT({})
      .setProtectedHeader({ alg: privateJwk.alg!, kid: privateJwk.kid })
      .setSubject("anonymous")
      .setIssuedAt()
      .setIssuer(issuer)
      .setAudience(powersyncUrl)
      .setExpirationTime("5m")
      .sign(privateKey);
    return new Response(JSON.stringify({ token, powersync_url: powersyncUrl }), {
      headers: CORS,
      status: 200,
    });
  } catch (error) {
    return new Response(JSON.stringify({ error: String(error) }), { headers: CORS, status: 500 });
  }
}
