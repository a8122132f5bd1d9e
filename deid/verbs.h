/* The smaller verbs of `lethe deid`. argv[0] is the verb. Each returns the exit code. Layer: deid. */
#ifndef LETHE_DEID_VERBS_H
#define LETHE_DEID_VERBS_H

/* PATH -o FOLDER --private-key KEY.pem [--passphrase FILE] [--json]: what encrypted.h has put into released instances is put back. */
int lethe_reidentify_main(int argc, char **argv);

/* RELEASED [-o MEDIA] [--json]: a DICOM file-set with its DICOMDIR (dicomdir.h); without -o among the released files. */
int lethe_dicomdir_main(int argc, char **argv);

#endif
