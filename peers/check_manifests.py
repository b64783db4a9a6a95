"""Checks manifests of 'palimpsest launch --to jobset|trainjob' against published schemas.

    palimpsest launch RECIPE --to jobset ... >jobset.yaml
    python peers/check_manifests.py jobset.yaml CRD.yaml...

The custom resource definitions are those of kubernetes-sigs/jobset (config/components/crd/bases) and kubeflow/trainer
(manifests/base/crds). Unknown fields are errors, as on a server that prunes nothing. Needs PyYAML and jsonschema. Exit code 1 if an
object does not fit or has no schema; ConfigMaps are left to Kubernetes' own models, which a test of the build uses.
"""

import sys

import jsonschema
import yaml


def closed(schema):
    """Forbids properties that an object's schema does not name."""
    if isinstance(schema, list):
        return [closed(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if out.pop("x-kubernetes-int-or-string", False):
        out = {"type": ["integer", "string"]}
    if (
        isinstance(out.get("properties"), dict)
        and "additionalProperties" not in out
        and not out.get("x-kubernetes-preserve-unknown-fields")
    ):
        out["additionalProperties"] = False
    return out


def schemas(files):
    found = {}
    for file in files:
        for crd in yaml.safe_load_all(open(file)):
            for version in crd["spec"]["versions"]:
                key = (crd["spec"]["group"] + "/" + version["name"], crd["spec"]["names"]["kind"])
                schema = closed(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                found[key] = schema
    return found


def main(manifest, *crds):
    known = schemas(crds)
    failed = False
    for thing in yaml.safe_load_all(open(manifest)):
        key = (thing["apiVersion"], thing["kind"])
        if key == ("v1", "ConfigMap"):
            continue
        if key not in known:
            print(f"{key}: no schema given")
            failed = True
            continue
        errors = list(jsonschema.Draft202012Validator(known[key]).iter_errors(thing))
        for error in errors:
            print(f"{thing['kind']} {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
        print(f"{thing['kind']} {thing['metadata']['name']}: {'fits' if not errors else f'{len(errors)} mistakes'}")
        failed = failed or bool(errors)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
