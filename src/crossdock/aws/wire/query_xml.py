"""The answers of the Query protocol in XML: results and errors, from structures and back to them."""

from typing import Any
from xml.etree import ElementTree

from crossdock.aws.characters import REFUSED
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Kind, ListOf, MapOf, Member, Operation, Scalar, Service, Shape, Structure, members
from crossdock.aws.wire.query_scalars import nothing, read_scalar, write_scalar

_DECLARATION = '<?xml version="1.0"?>'


class XmlAnswers:
    """Writes the answers of one service."""

    content_type = "text/xml"

    def __init__(self, service: Service) -> None:
        self._namespace = f' xmlns="{service.xml_namespace}"'

    def result(self, operation: Operation, result: Shape | None, request_id: str) -> bytes:
        """The body of the answer to an operation that succeeded."""
        name = operation.name
        out: list[str] = []
        if result is not None:
            _write_structure(result, out)
        written = _element(f"{name}Result", "".join(out)) if operation.output else ""
        metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        return f"{_DECLARATION}<{name}Response{self._namespace}>{written}{metadata}</{name}Response>".encode()

    def error(self, error: ApiError, request_id: str) -> bytes:
        """The body of the answer to an operation that failed."""
        said = (
            _element("Type", "Sender" if error.sender_fault else "Receiver")
            + _element("Code", error.code)
            + _element("Message", escape(error.query_message or error.message))
            + "<Detail/>"
        )
        answer = f"<Error>{said}</Error><RequestId>{request_id}</RequestId>"
        return f"{_DECLARATION}<ErrorResponse{self._namespace}>{answer}</ErrorResponse>".encode()


def escape(text: str) -> str:
    """Text between two tags. A carriage return must be written as a reference, since XML parsers turn a bare one into a line feed;
    what XML has no way to write becomes U+FFFD."""
    if not text.isprintable():
        text = REFUSED.sub("\ufffd", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("\r", "&#xD;")


def _element(name: str, written: str) -> str:
    return f"<{name}>{written}</{name}>" if written else f"<{name}/>"


# Structures to XML


def _write_structure(value: Shape, out: list[str]) -> None:
    for member in members(type(value)):
        if (one := getattr(value, member.field)) is not None:
            _write(member.kind, one, member.query_name, out)


def _write(kind: Kind, value: Any, name: str, out: list[str]) -> None:
    match kind:
        case Scalar(scalar_type):
            out.append(_element(name, escape(write_scalar(scalar_type, value))))
        case Structure():
            out.append(f"<{name}>")
            _write_structure(value, out)
            out.append(f"</{name}>")
        case ListOf(item, query) if query.flattened:
            for one in value:
                _write(item, one, name, out)
        case ListOf(item):
            out.append(f"<{name}>")
            for one in value:
                _write(item, one, "member", out)
            out.append(f"</{name}>")
        case MapOf(item, query):
            for key, one in value.items():
                out += (f"<{name}>", _element(query.key, escape(key)))
                _write(item, one, query.value, out)
                out.append(f"</{name}>")


# XML to structures


def read_result(operation: Operation, body: bytes) -> Shape | None:
    """The result in the answer to an operation. ValueError (or its kin) if the answer cannot be read."""
    if operation.output is None:
        return None
    return _read_structure(operation.output, _child(_parse(body), f"{operation.name}Result"))


def read_error(body: bytes) -> dict[str, str]:
    """`Type`, `Code` and `Message` of an error, as far as the answer tells them. ValueError if it cannot be read."""
    error = _parse(body).find("Error")
    return {} if error is None else {child.tag: child.text or "" for child in error}


def _parse(body: bytes) -> ElementTree.Element:
    """The root of an answer, its names freed of the namespace. LookupError is an encoding that Python does not know."""
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, LookupError) as error:
        raise ValueError(str(error)) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _read_structure(shape: type[Shape], element: ElementTree.Element) -> Shape:
    return shape(**{member.field: _read_member(member, element) for member in members(shape)})


def _read_member(member: Member, element: ElementTree.Element) -> Any:
    found = element.findall(member.query_name)
    value = _read_all(member.kind, found) if found else None
    if value is None and member.required:
        value = nothing(member.kind)
        if value is None:
            raise ValueError(f"no {member.query_name}")
    return value


def _read_all(kind: Kind, found: list[ElementTree.Element]) -> Any:
    """The value of a member from all the elements that have its name."""
    match kind:
        case ListOf(item, query):
            items = found if query.flattened else found[0].findall("member")
            return [_read(item, one) for one in items]
        case MapOf(value, query):
            return {_text(entry, query.key): _read(value, _child(entry, query.value)) for entry in found}
    return _read(kind, found[0])


def _read(kind: Kind, element: ElementTree.Element) -> Any:
    match kind:
        case Scalar(scalar_type):
            return read_scalar(scalar_type, element.text or "")
        case Structure(shape):
            return _read_structure(shape, element)
    return _read_all(kind, [element])


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element:
    child = element.find(name)
    if child is None:
        raise ValueError(f"no {name}")
    return child


def _text(element: ElementTree.Element, name: str) -> str:
    return _child(element, name).text or ""
