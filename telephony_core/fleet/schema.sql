-- What a fleet shares. Run by its owner, as often as wanted: it makes what is missing and changes no row.
--
-- Every row belongs to a tenant, who is said by `telephony.tenant` in each session. The server itself adds the condition
-- to every statement (row-level security, for the owner as well), so a forgotten WHERE shows and changes nothing of others.
-- `telephony_worker` works for one tenant at a time; `telephony_operator` reads all, unless it names one.
BEGIN;
SET LOCAL lock_timeout = '3s';  -- whoever waits for a table (a dump reads it for hours) holds up all workers behind it
SELECT pg_advisory_xact_lock(2114719);  -- two who make it at once would disturb one another
DO $$ BEGIN
  IF current_setting('server_encoding') <> 'UTF8' THEN
    RAISE EXCEPTION 'the encoding of this database is %, and labels need UTF8: make one WITH ENCODING ''UTF8'' '
      'TEMPLATE template0', current_setting('server_encoding');
  END IF;
  IF obj_description(to_regnamespace('telephony'), 'pg_namespace') <> 'telephony-core 1' THEN
    RAISE EXCEPTION 'the tables in this database are %, which this version does not make: run it by the newer one',
      quote_literal(obj_description(to_regnamespace('telephony'), 'pg_namespace'));
  END IF;
  IF to_regrole('telephony_worker') IS NULL THEN CREATE ROLE telephony_worker NOLOGIN; END IF;
  IF to_regrole('telephony_operator') IS NULL THEN CREATE ROLE telephony_operator NOLOGIN; END IF;
END $$;
CREATE SCHEMA IF NOT EXISTS telephony;
COMMENT ON SCHEMA telephony IS 'telephony-core 1';
SET LOCAL search_path = telephony;

CREATE TABLE IF NOT EXISTS plans (
  tenant text NOT NULL DEFAULT current_setting('telephony.tenant'), checksum text NOT NULL,
  document text NOT NULL, numbers integer NOT NULL, kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, checksum)
);
-- A run is at work while the session lives that holds this lock, so it ends with its process, its machine or the way to it.
CREATE OR REPLACE FUNCTION run_lock(tenant text, plan text, id integer) RETURNS bigint LANGUAGE sql IMMUTABLE
AS $$ SELECT pg_catalog.hashtextextended(tenant || ' ' || plan || ' ' || id, 0) $$;
CREATE TABLE IF NOT EXISTS runs (
  tenant text NOT NULL DEFAULT current_setting('telephony.tenant'), plan text NOT NULL, id integer NOT NULL,
  command text NOT NULL, started_at timestamptz NOT NULL, ended_at timestamptz, how_it_ended text,
  process integer NOT NULL, host text NOT NULL, started_by text, version text NOT NULL,
  PRIMARY KEY (tenant, plan, id)
);
-- One row a number, with who may write its lines (`epoch`) and what its last line is.
CREATE TABLE IF NOT EXISTS numbers (
  tenant text NOT NULL DEFAULT current_setting('telephony.tenant'), plan text NOT NULL, number text NOT NULL,
  epoch bigint NOT NULL DEFAULT 1, last_action text, phase text,
  PRIMARY KEY (tenant, plan, number)
);
CREATE TABLE IF NOT EXISTS entries (
  tenant text NOT NULL DEFAULT current_setting('telephony.tenant'), plan text NOT NULL, number text NOT NULL,
  seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, run integer NOT NULL,
  action text NOT NULL, phase text NOT NULL, record text, message text NOT NULL, data json NOT NULL,
  PRIMARY KEY (tenant, plan, number, seq)
);
CREATE INDEX IF NOT EXISTS entries_about_agents ON entries (tenant, plan, action)
  WHERE phase = 'intent' AND action IN ('release', 'roll_back');
-- Which plan imports or changes a number at an account, so that no other plan of the tenant does.
CREATE TABLE IF NOT EXISTS claims (
  tenant text NOT NULL DEFAULT current_setting('telephony.tenant'), account text NOT NULL, number text NOT NULL,
  plan text NOT NULL, shown_as text NOT NULL, record text, until timestamptz NOT NULL,
  PRIMARY KEY (tenant, account, number)
);
DO $$ DECLARE each text; BEGIN
  FOREACH each IN ARRAY ARRAY['plans', 'runs', 'numbers', 'entries', 'claims'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', each);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', each);
    EXECUTE format('DROP POLICY IF EXISTS of_tenant ON %I', each);
    EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant = current_setting(''telephony.tenant'', true))', each);
    EXECUTE format('DROP POLICY IF EXISTS of_all ON %I', each);
    -- Only who names no tenant: whoever does asks about that one, and would take the lines of others for its own.
    EXECUTE format('CREATE POLICY of_all ON %I FOR SELECT TO telephony_operator'
                   ' USING (coalesce(current_setting(''telephony.tenant'', true), '''') = '''')', each);
  END LOOP;
END $$;

-- When requests of one account started: one row an account, whoever the tenants are that share it. Times are seconds of
-- this server's clock.
CREATE TABLE IF NOT EXISTS pace (
  account text PRIMARY KEY, held_until float8 NOT NULL DEFAULT 0,
  started float8[] NOT NULL DEFAULT '{}',  -- by when each has arrived at the vendor
  waiting float8[] NOT NULL DEFAULT '{}'   -- places to come
);

-- Let one request start now, or else give it a place in the queue. At most `counts[i]` arrive in any `spans[i]` seconds:
-- one that is not answered yet is taken to arrive as late as it may, `late` seconds after its start.
CREATE OR REPLACE FUNCTION pace_take(
  name text, counts integer[], spans float8[], slow_count integer, slow_span float8, slow_for float8, late float8,
  patience float8,         -- seconds beyond which nobody would wait; then no place is taken
  queued boolean,          -- false for one that was waiting: it need not queue behind the others
  gone float8[],           -- places in the queue that are not used
  answered float8[], arrived float8[],  -- starts, by when their requests had arrived; -Infinity: it was not sent
  OUT place float8,        -- NULL: nothing limits the account now, and none is kept
  OUT delay float8, OUT held float8
) LANGUAGE plpgsql SET search_path = telephony, pg_catalog AS $$
#variable_conflict use_variable
DECLARE
  kept pace;  now float8;  start float8;  places float8[];
BEGIN
  now := extract(epoch FROM clock_timestamp());
  IF cardinality(counts) = 0
     AND NOT EXISTS (SELECT FROM pace WHERE account = name AND now < held_until + slow_for) THEN
    RETURN;
  END IF;
  INSERT INTO pace (account) VALUES (name) ON CONFLICT DO NOTHING;
  SELECT * INTO kept FROM pace WHERE account = name FOR UPDATE;
  now := extract(epoch FROM clock_timestamp());
  IF now < kept.held_until + slow_for THEN
    counts := counts || slow_count;
    spans := spans || slow_span;
  END IF;
  kept.started := ARRAY(  -- no later than may be: after the clock was set back, nobody waits for what it said before
    SELECT least(coalesce(sooner.at, s.at), now + late) FROM unnest(kept.started) AS s(at)
    LEFT JOIN unnest(answered, arrived) AS sooner(start, at) ON sooner.start = s.at
    WHERE coalesce(sooner.at, s.at) > now - (SELECT coalesce(max(span), 0) FROM unnest(spans || slow_span) AS span)
    ORDER BY 1);
  kept.waiting := ARRAY(  -- who is late by a second is gone
    SELECT at FROM unnest(kept.waiting) AS at WHERE at > now - 1 AND at <> ALL (gone) ORDER BY 1);
  start := greatest(now, kept.held_until);
  -- One without an answer holds its place for a whole span from now at least, so that is when to ask again.
  places := ARRAY(
    SELECT least(at, now) FROM unnest(kept.started) AS at
    UNION ALL SELECT at FROM unnest(kept.waiting) AS at WHERE queued
    ORDER BY 1);
  IF queued THEN start := greatest(start, kept.waiting[cardinality(kept.waiting)]); END IF;
  FOR i IN 1 .. cardinality(counts) LOOP
    IF cardinality(places) >= counts[i] THEN
      start := greatest(start, places[cardinality(places) - counts[i] + 1] + spans[i]);
    END IF;
  END LOOP;
  delay := start - now;
  held := greatest(0, kept.held_until - now);
  IF delay > 0 THEN
    place := start;
    IF delay <= patience THEN kept.waiting := kept.waiting || place; END IF;
  ELSE
    place := now + late;
    kept.started := kept.started || place;
  END IF;
  UPDATE pace SET started = kept.started, waiting = kept.waiting WHERE account = name;
END $$;

CREATE OR REPLACE FUNCTION pace_hold(name text, seconds float8) RETURNS void
LANGUAGE sql SET search_path = telephony, pg_catalog AS $$
  INSERT INTO pace AS p (account, held_until) VALUES (name, extract(epoch FROM clock_timestamp()) + seconds)
  ON CONFLICT (account) DO UPDATE SET held_until = greatest(p.held_until, excluded.held_until)
$$;

-- A line that was written is never changed and never deleted.
GRANT USAGE ON SCHEMA telephony TO telephony_worker, telephony_operator;
GRANT SELECT, INSERT ON plans, entries TO telephony_worker;
GRANT SELECT, INSERT, UPDATE ON runs, numbers, pace TO telephony_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON claims TO telephony_worker;
GRANT SELECT ON ALL TABLES IN SCHEMA telephony TO telephony_operator;
COMMIT;
