package dev.palimpsest.model.kernels;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Packs kernel sources into the archive that libtorch loads as a TorchScript module: a zip of
 * stored entries with one pickled object of a class without fields, and the class's source.
 */
final class ScriptArchive {
  private static final Pattern METHOD = Pattern.compile("(?m)^def (\\w+)\\(self");

  private ScriptArchive() {}

  /** Packs a module whose methods are those in these resources. */
  static byte[] pack(List<String> resources) {
    StringBuilder code = new StringBuilder();
    code.append("class M(Module):\n");
    code.append("  __parameters__ = []\n  __buffers__ = []\n  training : bool\n");
    for (String resource : resources) {
      // The sources leave out what every method needs: the type of self and the class around it.
      read(resource)
          .lines()
          .filter(line -> !line.isBlank() && !line.strip().startsWith("#"))
          .map(line -> "  " + METHOD.matcher(line).replaceFirst("def $1(self: __torch__.M"))
          .forEach(line -> code.append(line).append('\n'));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.setMethod(ZipOutputStream.STORED);
      // Protocol 2: an object of class M with the state {"training": True}.
      store(
          zip,
          "k/data.pkl",
          "\u0080\u0002c__torch__\nM\n)\u0081}(X\b\0\0\0training\u0088ub.".getBytes(ISO));
      store(zip, "k/code/__torch__.py", code.toString().getBytes(US_ASCII));
      store(zip, "k/constants.pkl", "\u0080\u0002).".getBytes(ISO)); // an empty tuple
      store(zip, "k/version", "10\n".getBytes(US_ASCII)); // below 9, gelu has no approximation
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** Names of the methods in a resource. */
  static List<String> methods(String resource) {
    return METHOD.matcher(read(resource)).results().map(method -> method.group(1)).toList();
  }

  private static final java.nio.charset.Charset ISO = java.nio.charset.StandardCharsets.ISO_8859_1;

  private static String read(String resource) {
    try (InputStream in = ScriptArchive.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException(
            "kernel source " + resource + " is missing from the class path");
      }
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(content);
    ZipEntry entry = new ZipEntry(name);
    entry.setSize(content.length);
    entry.setCompressedSize(content.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }
}
